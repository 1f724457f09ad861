#!/usr/bin/env bash
# Kills a rank, stops one, or cuts its link, at random moments of a training over two machines, which are network
# namespaces of this one, and prints the result: all ranks must end within 30 s, with one sentence and an exit code
# that is not 0. As root, on Debian with iproute2 and openmpi-bin: tests/Distributed/faults.sh COUNT SEED RUNNER. About
# three trainings run at a time.
set -uo pipefail
count=$1 seed=$2 runner=$(readlink -f "$3")
work=$(mktemp -d)
declare -r within=30
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

# Pictures of noise in the format of CIFAR-10: a label, then 3072 bytes.
data=$work/data/cifar-10-batches-bin
mkdir -p "$data"
for file in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    for i in $(seq 40); do
        printf "\\x0$((i % 10))"
        head -c 3072 /dev/urandom
    done >"$data/$file.bin"
done

# Prints the processes of a rank: those of the runner in its namespace.
ranks_of() {
    for id in $(ip netns pids "$1"); do
        if [ "$(readlink "/proc/$id/exe")" = "$runner" ]; then
            echo "$id"
        fi
    done 2>/dev/null
}

worker() {
    local worker=$1 bridge=flt$1 net=10.78.$1 fault=$1
    ip link add "$bridge" type bridge
    ip address add "$net.254/24" dev "$bridge"
    ip link set "$bridge" up
    for i in 1 2; do
        local host=$bridge.$i
        ip netns add "$host"
        ip link add "$host" type veth peer name eth0 netns "$host"
        ip link set "$host" master "$bridge" up
        ip -n "$host" address add "$net.$i/24" dev eth0
        ip -n "$host" link set eth0 up
        ip -n "$host" link set lo up
    done

    cat >"$work/agent$worker" <<AGENT
#!/bin/sh
host=\$1
shift
name=$bridge.\${host##*.}
exec ip netns exec "\$name" unshare -u sh -c "hostname \$name; \$*"
AGENT
    chmod +x "$work/agent$worker"
    while [ "$fault" -le "$count" ]; do
        one "$fault" "$worker" "$bridge" "$net"
        fault=$((fault + 3))
    done
}

one() {
    local fault=$1 worker=$2 bridge=$3 net=$4 out=$work/out$1
    RANDOM=$((seed * 1000 + fault))
    local kinds=(kill stop cut) kind=${kinds[RANDOM % 3]} rank=$((RANDOM % 2)) pause=$((RANDOM % 3000))
    local host=$bridge.$((rank + 1)) start code left said problem="" tenths
    local launcher

    # Soon after a cut the link may not be up yet.
    for _ in 1 2 3; do
        mpirun.openmpi --host "$net.1:1,$net.2:1" -n 2 --bind-to none --mca plm_rsh_agent "$work/agent$worker" \
            --mca oob_tcp_if_include "$net.0/24" --mca btl tcp,self --mca btl_tcp_if_include "$net.0/24" \
            "$runner" cnn --data "$work/data" --device cpu --threads 1 --batch 32 --epochs 1000000 </dev/null >"$out" 2>&1 &
        launcher=$!
        until grep -q '^      1 ' "$out" 2>/dev/null || ! kill -0 "$launcher" 2>/dev/null; do
            sleep 0.1
        done

        if kill -0 "$launcher" 2>/dev/null; then
            break
        fi

        sleep 2
    done

    sleep "$((pause / 1000)).$(printf '%03d' $((pause % 1000)))"
    start=$(date +%s%N)
    case $kind in
    kill) kill -9 $(ranks_of "$host") ;;
    stop) kill -STOP $(ranks_of "$host") ;;
    cut) ip -n "$host" link set eth0 down ;;
    esac

    # mpirun cannot reach its own daemon behind a cut link, and waits for it until the link is back.
    # A stopped process remains until its own launcher kills it.
    while :; do
        left=$(ranks_of "$bridge.1") left="$left$(ranks_of "$bridge.2")"
        if [ -z "$left" ] && { [ "$kind" = cut ] || ! kill -0 "$launcher" 2>/dev/null; }; then
            break
        fi

        if [ $(($(date +%s%N) - start)) -gt $((within * 1000000000)) ]; then
            problem="; not over after $within s: ranks '$left', launcher $(kill -0 "$launcher" 2>/dev/null && echo runs || echo gone)"
            kill -9 "$launcher" $left 2>/dev/null
            break
        fi

        sleep 0.2
    done

    # The rank behind the cut reports the same about the other rank, but its message arrives only when the link is back.
    tenths=$((($(date +%s%N) - start) / 100000000))
    said=$(sentences <"$out")
    [ "$(wc -l <<<"$said")" = 1 ] && [ -n "$said" ] || problem="$problem; not one sentence"
    if [ "$kind" = cut ]; then
        ip -n "$host" link set eth0 up
        sleep 2
    fi

    timeout 60 tail --pid="$launcher" -f /dev/null || { kill -9 "$launcher" && problem="$problem; mpirun did not end"; }
    wait "$launcher"
    code=$?
    [ "$code" != 0 ] || problem="$problem; exit code 0"
    echo "$fault $kind rank $rank after $pause ms: $((tenths / 10)).$((tenths % 10)) s, code $code$problem: $said"
    [ -z "$problem" ] || touch "$work/failed"
}

# Prints the ranks' messages without the escape sequences that .NET writes first on a terminal.
sentences() {
    tr '\r' '\n' | sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\x1b[=>]//g' | grep -E '^(Rank [0-9]+ on|At (the validation of )?epoch)'
}

cleanup() {
    for worker in 1 2 3; do
        for i in 1 2; do
            ip netns delete "flt$worker.$i" 2>/dev/null
        done
        ip link delete "flt$worker" type bridge 2>/dev/null
    done
    rm -rf "$work"
}
trap cleanup EXIT INT TERM

for worker in 1 2 3; do
    worker "$worker" &
done
wait
[ ! -e "$work/failed" ]
