# Parameters, gradients and optimizer states shared out to the processes, for models that one GPU
# cannot hold. Add this file to the _base_ of a config and start it with tools/dist_train.sh.
runner_type = "FlexibleRunner"
strategy = dict(
    type="mmdense.FSDPStrategy",
    shard=["BasicBlock", "Bottleneck", "TransformerEncoderLayer"],  # each is gathered by itself
)
