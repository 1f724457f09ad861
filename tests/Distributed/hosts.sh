#!/usr/bin/env bash
# Makes hosts from network namespaces of this machine, each with a link to a bridge, and runs mpirun on them. As root,
# on Debian with iproute2 and openmpi-bin: tests/Distributed/hosts.sh HOSTS RATE COMMAND…, RATE as tc has it (1gbit), -
# for none. Each host runs one rank.
set -euo pipefail
count=$1 rate=$2
shift 2
work=$(mktemp -d)
cleanup() {
    for i in $(seq "$count"); do
        ip netns delete "rank$i" 2>/dev/null || true
    done
    ip link delete ranks type bridge 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

ip link add ranks type bridge
ip address add 10.77.0.254/24 dev ranks
ip link set ranks up
for i in $(seq "$count"); do
    ip netns add "rank$i"
    ip link add "rank$i" type veth peer name eth0 netns "rank$i"
    ip link set "rank$i" master ranks up
    ip -n "rank$i" address add "10.77.0.$i/24" dev eth0
    ip -n "rank$i" link set eth0 up
    ip -n "rank$i" link set lo up
    if [ "$rate" != - ]; then
        ip netns exec "rank$i" tc qdisc add dev eth0 root tbf rate "$rate" burst 256kb latency 50ms
    fi
done

# Replaces mpirun's ssh: a shell in the namespace of that address, with its own host name.
cat >"$work/agent" <<'AGENT'
#!/bin/sh
host=$1
shift
name=rank${host##*.}
exec ip netns exec "$name" unshare -u sh -c "hostname $name; $*"
AGENT
chmod +x "$work/agent"
hosts=$(seq -s , -f '10.77.0.%g:1' "$count")
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun.openmpi --host "$hosts" -n "$count" --bind-to none \
    --mca plm_rsh_agent "$work/agent" --mca oob_tcp_if_include 10.77.0.0/24 --mca btl tcp,self \
    --mca btl_tcp_if_include 10.77.0.0/24 "$@"
