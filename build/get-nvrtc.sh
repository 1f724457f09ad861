#!/usr/bin/env bash
# get-nvrtc.sh FOLDER: leaves NVIDIA's run-time compiler in FOLDER for the tests that compile kernels with it, unless
# the machine has one. Needs no GPU, no driver, no root: the packages are Debian's, whose signatures apt checks, and are
# unpacked, not installed (about 70 MB unpacked).
set -euo pipefail
[ $# = 1 ] || { echo "usage: get-nvrtc.sh FOLDER" >&2; exit 2; }

# Where the tests look too; see src/Engine/Interop/CudaFolders.cs.
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

# Debian's section for what is not free, of the first release that has NVRTC 12, from the mirror that this machine uses.
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
# The library comes last: where it is, all is.
find "$work/unpacked" -name 'libnvrtc-builtins.so*' -exec mv -t "$folder" {} +
find "$work/unpacked" -name 'libnvrtc.so*' -exec mv -t "$folder" {} +
echo "NVRTC lies in $folder: $(cd "$folder" && echo libnvrtc.so.*.*)"
