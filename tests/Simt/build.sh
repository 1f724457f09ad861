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
(cd "$here" && find $sources -type d) | while read -r folder; do mkdir -p "$objects/$folder"; done
echo "$compiler" > "$objects/compiler"
cd "$here"
# shellcheck disable=SC2086
find $sources -name '*.cpp' | sort | while read -r source; do
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
# Links the objects of some folders into a new file, to be renamed: a process that has loaded the old library keeps it.
link() { # FILE FOLDERS OPTION…
    local file=$out/$1.new linked
    # shellcheck disable=SC2086
    mapfile -t linked < <(find $2 -name '*.cpp' | sort | while read -r source; do echo "$objects/$source.o"; done)
    shift 2
    "$cxx" "${linked[@]}" -o "$file" "$@"
}
link libcuda.so.1 "driver ptx" -shared -Wl,-soname,libcuda.so.1 -ldl -lpthread
link libnvrtc.so nvrtc -shared -ldl
link ptx/libnvrtc.so nvrtc_ptx -shared -ldl
link libcublas.so.12 cublas -shared "$out/libcuda.so.1.new"
link libnccl.so.2 nccl -shared -Wl,-soname,libnccl.so.2 "$out/libcuda.so.1.new"
link nccl-ranks nccl_ranks -ldl
link libprofiler.so nvtx -shared
for library in libcuda.so.1 libnvrtc.so ptx/libnvrtc.so libcublas.so.12 libnccl.so.2 nccl-ranks libprofiler.so; do
    mv "$out/$library.new" "$out/$library"
done
rm -rf "$out/dialect" "$out/cache"
cp -r dialect "$out/dialect"
echo "$stamp" > "$out/stamp"
