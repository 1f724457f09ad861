#!/usr/bin/env bash
# Builds the doubles of libcuda, libnvrtc, libcublas, libnccl and a profiler's library into artifacts/simt, and into
# artifacts/simt/ptx the libnvrtc that compiles kernels with NVIDIA's own. Needs only g++; quick when nothing changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$(cd "$here/../.." && pwd)/artifacts/simt
mkdir -p "$out/ptx"
# Several test processes may build at once.
exec 9>"$out/lock"
flock 9

cxx=${SIMT_CXX:-g++}
flags="-std=c++17 -O2 -g1 -fPIC -fvisibility=hidden -fno-strict-aliasing -Wall -Wextra -Werror"
# The executor of PTX is compiled for this very processor, whose vectors hold a warp's 32 lanes.
vectors="-O3 -march=native -mprefer-vector-width=512 -ffp-contract=off -fno-math-errno -fno-trapping-math"
compiler=$("$cxx" --version && "$cxx" -march=native -### -E - 2>&1 </dev/null | grep -o -- '-march=.*' && echo "$flags $vectors")
sources="driver ptx nvrtc nvrtc_ptx cublas nccl nccl_ranks nvtx"
# shellcheck disable=SC2086 # the words of $sources are meant to be several
stamp=$(cd "$here" && { echo "$compiler" && cat build.sh && find $sources dialect -type f | sort | xargs cat; } | sha256sum)
if [ -f "$out/stamp" ] && [ "$stamp" = "$(cat "$out/stamp")" ]; then exit 0; fi

# An object is rebuilt if its source or one of its headers is newer, or if the compiler or its flags changed.
objects=$out/objects
if [ "$compiler" != "$(cat "$objects/compiler" 2>/dev/null)" ]; then rm -rf "$objects"; fi
# shellcheck disable=SC2086
(mkdir -p "$objects" && cd "$objects" && mkdir -p $sources)
echo "$compiler" > "$objects/compiler"
cd "$here"
for source in */*.cpp; do
    object=$objects/$source.o
    # The object's sources, as the compiler noted them: "object: source header …", over several lines.
    # shellcheck disable=SC2046
    if [ ! -f "$object" ] || [ ! -f "$object.d" ] ||
        [ -n "$(find $(sed 's/^[^:]*://; s/\\$//' "$object.d") -newer "$object" 2>&1 | head -1)" ]; then
        case $source in ptx/*) echo "$source $vectors" ;; *) echo "$source" ;; esac
    fi
done |
    # shellcheck disable=SC2016
    CXX=$cxx FLAGS=$flags OBJECTS=$objects xargs -r -P "$(nproc)" -I{} \
        sh -c 'set -- {}; source=$1; shift; "$CXX" $FLAGS "$@" -MMD -MF "$OBJECTS/$source.o.d" -c "$source" -o "$OBJECTS/$source.o"'
# Links into a new file and renames it: a process that has loaded the old library keeps it.
"$cxx" -shared -Wl,-soname,libcuda.so.1 "$objects"/driver/*.o "$objects"/ptx/*.o -o "$out/libcuda.so.1.new" -ldl -lpthread
"$cxx" -shared "$objects"/nvrtc/*.o -o "$out/libnvrtc.so.new" -ldl
"$cxx" -shared "$objects"/nvrtc_ptx/*.o -o "$out/ptx/libnvrtc.so.new" -ldl
"$cxx" -shared "$objects"/cublas/*.o -o "$out/libcublas.so.12.new" "$out/libcuda.so.1.new"
"$cxx" -shared -Wl,-soname,libnccl.so.2 "$objects"/nccl/*.o -o "$out/libnccl.so.2.new" "$out/libcuda.so.1.new"
"$cxx" "$objects"/nccl_ranks/*.o -o "$out/nccl-ranks.new" -ldl
"$cxx" -shared "$objects"/nvtx/*.o -o "$out/libprofiler.so.new"
for library in libcuda.so.1 libnvrtc.so ptx/libnvrtc.so libcublas.so.12 libnccl.so.2 nccl-ranks libprofiler.so; do
    mv "$out/$library.new" "$out/$library"
done
rm -rf "$out/dialect" "$out/cache"
cp -r dialect "$out/dialect"
echo "$stamp" > "$out/stamp"
