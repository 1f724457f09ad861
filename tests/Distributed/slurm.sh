#!/usr/bin/env bash
# Runs the command that follows under Slurm on this machine alone: a controller and two nodes on loopback.
# As root, on Debian with slurm-wlm, munge, libpmix-dev (its PMIx is loaded by that name) and openmpi-bin: tests/Distributed/slurm.sh srun --mpi=pmix -n 4 runner mlp
set -euo pipefail
work=$(mktemp -d)
export SLURM_CONF=$work/slurm.conf
processes=()
cleanup() {
    # A step that cannot tell its end any more keeps its node waiting forever.
    for _ in $(seq 40); do
        [ -n "$(squeue -h 2>/dev/null)" ] || break
        sleep 0.25
    done
    for process in "${processes[@]}"; do
        kill "$process" 2>/dev/null || true
    done
    (sleep 5 && kill -9 "${processes[@]}" 2>/dev/null) &
    local killer=$!
    wait "${processes[@]}" 2>/dev/null || true
    kill "$killer" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

mkdir -p "$work/munge" "$work/state" "$work/n1" "$work/n2"
chown root "$work/munge"
chmod 755 "$work" "$work/munge"
dd if=/dev/urandom of="$work/munge.key" bs=32 count=4 status=none
chmod 400 "$work/munge.key"
munged --force --foreground --key-file="$work/munge.key" --socket="$work/munge/socket" --pid-file="$work/munge/pid" \
    --log-file="$work/munge/log" --seed-file="$work/munge/seed" &
processes+=($!)

cat >"$SLURM_CONF" <<CONF
ClusterName=loopback
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=17801
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/%n
TmpFS=$work/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/%n/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
SchedulerType=sched/builtin
SelectType=select/cons_tres
NodeName=n1 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=17802 CPUs=8
NodeName=n2 NodeHostname=$(hostname) NodeAddr=127.0.0.1 Port=17803 CPUs=8
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:8
CONF

slurmctld -D -f "$SLURM_CONF" >"$work/slurmctld.log" 2>&1 &
processes+=($!)
for node in n1 n2; do
    slurmd -D -N "$node" -f "$SLURM_CONF" >"$work/$node.log" 2>&1 &
    processes+=($!)
done

for _ in $(seq 60); do
    if [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" -ge 2 ]; then
        "$@"
        exit
    fi
    sleep 0.5
done
echo "Slurm's nodes did not come up:" >&2
tail -n 20 "$work"/*.log >&2
exit 1
