#!/usr/bin/env bash
# Train on several GPUs of one or several machines.
#
#   tools/dist_train.sh CONFIG PROCESSES [arguments of tools/train.py]
#
# PROCESSES is the number of GPUs of this machine. On several machines, start it on each with NNODES
# (number of machines), MASTER_ADDR (name of one of them) and PORT if 29500 is in use.
# If a process fails, all are restarted from the last checkpoint, at most RESTARTS times (default: 3).
# PYTHON is the interpreter.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
config=$1
processes=$2
shift 2

if [ "${NNODES:-1}" -eq 1 ]; then
    place=(--standalone --local-addr localhost)
else
    : "${MASTER_ADDR:?set MASTER_ADDR to the name of one of the $NNODES machines, the same on each}"
    place=(
        --nnodes "$NNODES"
        --rdzv-backend c10d
        --rdzv-endpoint "$MASTER_ADDR:${PORT:-29500}"
        --rdzv-id "${RUN_ID:-mmdense}"
    )
fi

# torchrun shares one store with its processes over all restarts. Restarted processes would wait for
# the addresses of the first start forever, so each start has its own store.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1

# After a signal a run has this long to write its checkpoint.
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=${TORCH_ELASTIC_SHUTDOWN_TIMEOUT:-90}

# By default torchrun sets one thread for each process; divide the cores instead.
cores=$(nproc)
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-$((cores > processes ? cores / processes : 1))}"

exec "${PYTHON:-python}" -m torch.distributed.run "${place[@]}" \
    --nproc-per-node "$processes" \
    --max-restarts "${RESTARTS:-3}" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
