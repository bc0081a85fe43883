#!/usr/bin/env bash
# Train on a Slurm cluster: one launcher on each machine, one process for each of its GPUs.
#
#   sbatch --nodes 2 --gpus-per-node 8 tools/slurm_train.sh CONFIG [arguments of tools/train.py]
#
# Partition, account and time are options of sbatch. Two minutes before the time limit, or when the
# job is preempted, the run saves a checkpoint. The job is then queued again and continues with the
# next batch. Start it in the environment of the set-up, from the checkout if there is one; a wheel
# has this file in "$(mmdense --where)/tools".
#SBATCH --job-name=mmdense
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -euo pipefail

if [ $# -lt 1 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
: "${SLURM_JOB_ID:?this script is for sbatch; without Slurm use tools/dist_train.sh}"

export NNODES=$SLURM_JOB_NUM_NODES
export PORT=$((20000 + SLURM_JOB_ID % 10000))
export RUN_ID=$SLURM_JOB_ID
MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_ADDR

signalled=
save() {
    signalled=1
    scancel --signal=TERM "$SLURM_JOB_ID.0"
}
trap save USR1 TERM

# sbatch runs a copy of this file: the other tool is in the checkout that it was called in, or in
# the installed wheel.
tools=${SLURM_SUBMIT_DIR:-.}/tools
[ -f "$tools/dist_train.sh" ] || tools=$("${PYTHON:-python}" -m mmdense --where)/tools
srun --kill-on-bad-exit=1 bash "$tools/dist_train.sh" \
    "$1" "${SLURM_GPUS_ON_NODE:-1}" --resume "${@:2}" &
step=$!
code=0
wait "$step" || code=$?
if [ -n "$signalled" ]; then # the signal interrupted wait; wait until the processes have saved
    code=0
    wait "$step" || code=$?
    [ "$code" -eq 0 ] || scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
