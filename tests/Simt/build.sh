#!/usr/bin/env bash
# Builds the doubles of libcuda, libnvrtc, libcublas and a profiler's library into artifacts/simt; needs g++ alone; quick when nothing changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/artifacts/simt
mkdir -p "$out"
# Tests of several processes may want it at once.
exec 9>"$out/lock"
flock 9

cxx=${SIMT_CXX:-g++}
flags="-std=c++17 -O2 -g1 -fPIC -fvisibility=hidden -fno-strict-aliasing -Wall -Wextra -Werror"
stamp=$(cd "$here" && { "$cxx" --version && echo "$flags" && cat build.sh driver/* nvrtc/* cublas/* nvtx/* dialect/*; } | sha256sum)
if [ -f "$out/stamp" ] && [ "$stamp" = "$(cat "$out/stamp")" ]; then exit 0; fi

# An object is made anew when its source or any header is newer, or when the compiler or its flags changed.
objects=$out/objects
compiler=$("$cxx" --version && echo "$flags")
if [ "$compiler" != "$(cat "$objects/compiler" 2>/dev/null)" ]; then rm -rf "$objects"; fi
mkdir -p "$objects/driver" "$objects/nvrtc" "$objects/cublas" "$objects/nvtx"
echo "$compiler" > "$objects/compiler"
cd "$here"
newest=$(ls -t driver/*.h nvrtc/*.h | head -1)
for source in */*.cpp; do
    object=$objects/$source.o
    if [ ! "$object" -nt "$source" ] || [ ! "$object" -nt "$newest" ]; then echo "$source"; fi
done |
    # shellcheck disable=SC2086 # the words of $flags are meant to be several
    xargs -r -P "$(nproc)" -I{} "$cxx" $flags -c {} -o "$objects/{}.o"
# Linked beside and renamed: a process that has the old ones loaded keeps them.
"$cxx" -shared -Wl,-soname,libcuda.so.1 "$objects"/driver/*.o -o "$out/libcuda.so.1.new" -ldl
"$cxx" -shared "$objects"/nvrtc/*.o -o "$out/libnvrtc.so.new" -ldl
"$cxx" -shared "$objects"/cublas/*.o -o "$out/libcublas.so.12.new" "$out/libcuda.so.1.new"
"$cxx" -shared "$objects"/nvtx/*.o -o "$out/libprofiler.so.new"
for library in libcuda.so.1 libnvrtc.so libcublas.so.12 libprofiler.so; do mv "$out/$library.new" "$out/$library"; done
rm -rf "$out/dialect" "$out/cache"
cp -r dialect "$out/dialect"
echo "$stamp" > "$out/stamp"
