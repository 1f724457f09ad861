#!/usr/bin/env bash
# get-nvrtc.sh FOLDER: puts NVIDIA's run-time compiler into FOLDER for the tests that compile kernels with it, unless
# the machine has one. It needs no GPU, no driver and no root rights: the packages are Debian's, apt checks their
# signatures, and they are only unpacked (about 70 MB), not installed.
set -euo pipefail
[ $# = 1 ] || { echo "usage: get-nvrtc.sh FOLDER" >&2; exit 2; }

# The tests search there too; see src/Engine/Interop/CudaFolders.cs.
installed=$(
    ldconfig -p 2>/dev/null | awk '/libnvrtc\.so/ { print $NF }'
    IFS=:
    for folder in ${ENGINE_CUDA_PATH:-} ${CUDA_PATH:+$CUDA_PATH/lib64} ${CUDA_HOME:+$CUDA_HOME/lib64} \
        /usr/local/cuda*/lib64; do
        ls "$folder"/libnvrtc.so.* 2>/dev/null || true
    done
)
if [ -n "$installed" ]; then echo "NVRTC is here already: ${installed%%$'\n'*}"; exit 0; fi
if ls "$1"/libnvrtc.so.* >/dev/null 2>&1; then echo "NVRTC is here already: $1"; exit 0; fi

manual="install a CUDA toolkit, or Python's package nvidia-cuda-nvrtc-cu12, and name the folder of libnvrtc.so.* in \
ENGINE_CUDA_PATH"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "NVRTC can be fetched on Debian only: elsewhere $manual." >&2
    exit 1
}
mkdir -p "$1"
folder=$(cd "$1" && pwd)
work=$(mktemp -d "$folder/.fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/lists/partial "$work"/cache/archives/partial "$work"/unpacked

# Debian's non-free section of the first release with NVRTC 12, from this machine's mirror.
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk '!/security/ { print $1; exit }')
cat > "$work/trixie.sources" <<END
Types: deb
URIs: ${mirror:?"apt names no mirror: $manual"}
Suites: trixie
Components: non-free
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
apt=(-qq -o "Dir::Etc::sourcelist=$work/trixie.sources" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=)
apt-get "${apt[@]}" update
builtins=$(apt-cache "${apt[@]}" depends libnvrtc12 | awk '/libnvrtc-builtins/ { print $NF; exit }')
(cd "$work" && apt-get "${apt[@]}" download libnvrtc12 "$builtins")
for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/unpacked"; done
# The library comes last: if it exists, everything does.
find "$work/unpacked" -name 'libnvrtc-builtins.so*' -exec mv -t "$folder" {} +
find "$work/unpacked" -name 'libnvrtc.so*' -exec mv -t "$folder" {} +
echo "NVRTC lies in $folder: $(cd "$folder" && echo libnvrtc.so.*.*)"
