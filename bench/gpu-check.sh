#!/usr/bin/env bash
# gpu-check.sh [--images N] [DATA [OUT]]: checks this library on this machine's GPU, in one run of 10 minutes. First it
# says what the hardware is. For 200 seconds it checks results: the tests of the CUDA device run on the real GPU, and
# both networks train on the CPU and on the GPU and must learn the same. Then come the benchmarks, the peers, and a
# training step of each network under compute-sanitizer. A short lease leaves out the least important parts.
# DATA is the folder with CIFAR-10 (without it, images are drawn), OUT gets the logs and results.json [./gpu-check].
# A part that fails or exceeds its time does not stop the others. Parts that the machine does not support are left out,
# with a note.
# Exit code: 0 if all checks of results ran and passed; 1 if something failed; 3 if nothing failed, but there was no GPU
# to check.
set -u
here=$(cd "$(dirname "$0")" && pwd)
usage() { echo "usage: gpu-check.sh [--images N] [DATA [OUT]]" >&2; exit 2; }

images=()
if [ "${1-}" = --images ]; then [ $# -ge 2 ] || usage; images=(--images "$2"); shift 2; fi
[ $# -le 2 ] && [[ "${1-}" != -* ]] || usage
data=(); [ $# -ge 1 ] && data=(--data "$(cd "$1" && pwd)") && [ ${#data[1]} -gt 0 ] || [ $# = 0 ] || exit 2
out=${2-./gpu-check}
mkdir -p "$out/logs" && out=$(cd "$out" && pwd) || exit 2
rm -f "$out"/logs/* "$out"/*.jsonl "$out"/results.json
bin=$here/bin
export DOTNET_CLI_TELEMETRY_OPTOUT=1 PYTHONUNBUFFERED=1 ENGINE_CACHE=$out/cubins
# The time limits in seconds of the checks of results and of the whole run.
started=$SECONDS total=${GPU_CHECK_SECONDS:-600} budget=200
[ "$total" -gt "$budget" ] || budget=$total
parts=() wrong=0 checked=0

now() { echo $((SECONDS - started)); }

# Stores the outcome of a part for results.json, and shows it with the end of its log.
outcome() { # NAME OUTCOME SECONDS
    parts+=("    \"$1\": {\"outcome\": \"$2\", \"seconds\": $3}")
    printf '== %-22s %s (%d s)\n' "$1" "$2" "$3"
}

left_out() { # NAME REASON
    parts+=("    \"$1\": {\"outcome\": \"left out\", \"reason\": \"$2\"}")
    printf '== %-22s left out: %s\n' "$1" "$2"
}

# Runs a part within its own limit and the rest of the whole time; $code is then its exit code, 124 for too long, 125
# for not at all.
part() { # NAME SECONDS LINES-TO-SHOW COMMAND…
    local name=$1 limit=$2 lines=$3 left=$((budget - $(now))) begun=$SECONDS
    shift 3
    code=125
    if [ "$left" -lt 5 ]; then left_out "$name" "the time is up"; return; fi
    [ "$left" -lt "$limit" ] && limit=$left
    timeout -k 5 "$limit" "$@" >"$out/logs/$name.log" 2>&1 </dev/null
    code=$?
    case $code in
        0) outcome "$name" passed $((SECONDS - begun)) ;;
        124 | 137) code=124; outcome "$name" "stopped after $limit s" $((SECONDS - begun)) ;;
        *) outcome "$name" "failed with exit code $code" $((SECONDS - begun)) ;;
    esac
    grep -v '^$' "$out/logs/$name.log" | tail -n "$lines" | sed 's/^/   /'
}

# The same for a check of results.
check() {
    part "$@"
    case $code in 0) checked=$((checked + 1)) ;; 125) ;; *) wrong=$((wrong + 1)) ;; esac
}

text() { tr -d '\\"' | tr -s '[:space:]' ' ' | sed 's/ $//'; }

has_module() {
    command -v python3 >/dev/null &&
        python3 -c "import importlib.util as u, sys; sys.exit(u.find_spec('$1') is None)"
}

# ---- What there is ------------------------------------------------------------------------------------------------
# NVRTC may be installed by Python's packages, in an environment that is not active.
if [ -z "${ENGINE_CUDA_PATH-}" ] && ! ls /usr/local/cuda*/lib64/libnvrtc.so.* >/dev/null 2>&1 &&
    ! ldconfig -p 2>/dev/null | grep -q 'libnvrtc\.so'; then
    wheel=$(python3 -c 'import glob, sys
print(*(glob.glob(f"{p}/nvidia/*/lib/libnvrtc.so.*") for p in sys.path if p), sep="\n")' 2>/dev/null |
        grep -o "/[^']*libnvrtc\.so[^']*" | head -n 1)
    [ -n "$wheel" ] && export ENGINE_CUDA_PATH=${wheel%/*}
fi
asked=name,driver_version,memory.total,clocks.sm,clocks.max.sm
gpu=$(nvidia-smi --query-gpu=$asked --format=csv,noheader 2>/dev/null | text)
cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1 | text)
nvcc=$(nvcc --version 2>/dev/null | sed -n 's/.*release \([^,]*\),.*/\1/p')
found=$(cat <<END
    "date": "$(date -u +%Y-%m-%dT%H:%M:%SZ)",
    "gpu": "${gpu:-none}",
    "cpu": "$cpu, $(nproc) threads",
    "kernel": "$(uname -sr | text)",
    "nvcc": "${nvcc:-none}",
    "nvrtc_folder": "${ENGINE_CUDA_PATH:-where the system has it}",
    "compute_sanitizer": "$(compute-sanitizer --version 2>/dev/null | tail -n 1 | text)",
    "python": "$(python3 --version 2>/dev/null | text)",
    "data": "${data[1]:-drawn images}",
    "images": "${images[1]:-all}"
END
)
echo "$found" | tr -d '",' | sed 's/^ */   /'

# Checks whether there is a usable GPU: an untrained network predicts ten images.
part probe 60 1 "$bin/runner" mlp --device cuda --epochs 0 --images 10 --quiet "${data[@]}"
if [ "$code" = 0 ]; then has_gpu=1; else has_gpu=; fi
no_gpu="there is no GPU that works here: see logs/probe.log"

# ---- Whether results are right ------------------------------------------------------------------------------------
device_tests='FullyQualifiedName~Engine.Tests.Devices.Cuda&FullyQualifiedName!~NvrtcTests&FullyQualifiedName!~PtxTests'
if [ -n "$has_gpu" ]; then
    # With a GPU the device's tests must not all be inconclusive: at least one must have passed.
    check gate4 100 9 env ENGINE_TEST_CUDA=gpu "$bin/Engine.Tests" --filter "$device_tests" \
        --minimum-expected-tests 1 --no-progress
    for network in mlp cnn; do
        history=$out/compare-$network.jsonl
        check "compare-$network" 45 5 bash -c '"$@" && tail -n 1 "$0" | grep -q "\"agrees\":true"' "$history" \
            "$bin/runner" compare $network --epochs 5 --seeds 3 "${data[@]}" "${images[@]}" --history "$history"
    done
else
    for name in gate4 compare-mlp compare-cnn; do left_out $name "$no_gpu"; done
fi

# ---- How fast it is -----------------------------------------------------------------------------------------------
budget=$total
bench=$out/measurements.jsonl
if [ -n "$has_gpu" ]; then
    part bench-gpu 90 30 "$bin/Engine.Bench" --device cuda --epochs 20 "${data[@]}" "${images[@]}" --json "$bench"
else
    left_out bench-gpu "$no_gpu"
fi

if [ -z "$gpu" ]; then
    for name in pytorch jax; do left_out $name "there is no GPU that nvidia-smi knows"; done
else
    if has_module torch; then
        part pytorch 110 40 python3 "$here/peers/pytorch.py" --epochs 10 "${data[@]}" --json "$bench"
    else
        left_out pytorch "python3 has no torch"
    fi
    if has_module jax; then
        part jax 75 40 python3 "$here/peers/jax.py" --epochs 10 "${data[@]}" --json "$bench"
    else
        left_out jax "python3 has no jax"
    fi
    if has_module torch; then
        part pytorch-tf32 60 10 python3 "$here/peers/pytorch.py" mlp cnn --math tf32 --variants graph,compile-graph \
            --epochs 10 "${data[@]}" --json "$bench"
    fi
fi
part bench-cpu 30 4 "$bin/Engine.Bench" exp mlp --device cpu "${data[@]}" "${images[@]}" --json "$bench"

# ---- Whether accesses are right: slow, and the double has checked them -----------------------------------------------
if [ -z "$has_gpu" ]; then
    left_out sanitizer "$no_gpu"
elif ! command -v compute-sanitizer >/dev/null; then
    left_out sanitizer "compute-sanitizer is not installed"
else
    for network in mlp cnn; do
        for tool in memcheck racecheck; do
            # A full training batch and a partial one, a validation batch and a test batch.
            check "$tool-$network" 45 2 compute-sanitizer --tool $tool --error-exitcode 9 --target-processes all \
                "$bin/runner" $network --device cuda --images 180 --epochs 1 --quiet "${data[@]}"
        done
    done
fi

# ---- results.json -------------------------------------------------------------------------------------------------
list() { # FILES… : their lines, as a list of JSON
    cat "$@" 2>/dev/null | grep '^{.*}$' | sed 's/^/    /; $!s/$/,/'
}
last() { # FILES… : compare-NETWORK.jsonl, the last line of each with the network's name
    for file in "$@"; do
        name=${file##*compare-}
        [ -s "$file" ] && tail -n 1 "$file" | grep '"comparison"' | sed "s/^{/{\"network\": \"${name%.jsonl}\", /"
    done
}
if [ "$wrong" -gt 0 ]; then verdict=failed; elif [ -z "$has_gpu" ]; then verdict="no GPU"; else verdict=passed; fi
{
    printf '{\n  "verdict": "%s",\n  "seconds": %d,\n  "found": {\n%s\n  },\n' "$verdict" "$(now)" "$found"
    printf '  "parts": {\n'
    (IFS=$'\n'; echo "${parts[*]}" | sed '$!s/$/,/')
    printf '  },\n  "comparisons": [\n%s\n  ],\n' "$(last "$out"/compare-*.jsonl | sed 's/^/    /; $!s/$/,/')"
    printf '  "counts": [\n%s\n  ],\n' "$(list "$here/counts.jsonl")"
    printf '  "measurements": [\n%s\n  ]\n}\n' "$(list "$bench")"
} >"$out/results.json"
echo "== $verdict: $checked checks passed, $wrong failed, $(now) s; $out/results.json"
case $verdict in passed) exit 0 ;; failed) exit 1 ;; *) exit 3 ;; esac
