#!/bin/sh
# Finds a .NET 10 SDK (on the PATH, else in .dotnet/, else installed there) and hands all arguments to build/.
set -eu
root=$(cd "$(dirname "$0")" && pwd)
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1

has_sdk() {
    "$1" --list-sdks 2>/dev/null | grep -q '^10\.0\.[0-9]* '
}

install_sdk() {
    url=https://dot.net/v1/dotnet-install.sh
    script=$root/.dotnet/dotnet-install.sh
    echo "No .NET 10 SDK here: installing one into .dotnet/ by Microsoft's script." >&2
    mkdir -p "$root/.dotnet"
    curl -fsSL --connect-timeout 10 -o "$script" "$url" 2>/dev/null ||
        wget -q -T 10 -t 2 -O "$script" "$url" 2>/dev/null || return 1
    bash "$script" --channel 10.0 --install-dir "$root/.dotnet" --no-path >&2
}

dotnet=dotnet
if ! has_sdk dotnet; then
    dotnet=$root/.dotnet/dotnet
    # The SDK that is unpacked here brings no ICU with it, and a fresh machine has none.
    export DOTNET_ROOT="$root/.dotnet" PATH="$root/.dotnet:$PATH" DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
    if ! has_sdk "$dotnet" && ! { install_sdk && has_sdk "$dotnet"; }; then
        page=https://dotnet.microsoft.com/download/dotnet/10.0
        echo "No .NET 10 SDK could be installed: get it as $page says, then run this again." >&2
        exit 1
    fi
fi

# A configuration of its own, so that building the solution never overwrites the program that is building it.
tool=$root/artifacts/bin/Build/tool/Build.dll
sources="build Directory.Build.props Directory.Packages.props global.json"
is_old() {
    # shellcheck disable=SC2086 # the words of $sources are meant to be several
    [ ! -f "$tool" ] || [ -n "$(cd "$root" && find $sources -newer "$tool" -print -quit)" ]
}

# Of the processes that mpirun or srun starts on a machine at once, the first one builds it.
if [ "${OMPI_COMM_WORLD_LOCAL_RANK:-${MPI_LOCALRANKID:-${SLURM_LOCALID:-0}}}" != 0 ]; then
    tries=0
    while is_old && [ "$tries" -lt 180 ]; do
        sleep 1
        tries=$((tries + 1))
    done
fi

if is_old; then
    log=$(cd "$root" && "$dotnet" build build -c Tool -v q --nologo 2>&1) || { echo "$log" >&2; exit 1; }
    touch "$tool"
fi
exec "$dotnet" "$tool" "$@"
