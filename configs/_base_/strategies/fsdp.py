# Shards parameters, gradients and optimizer states over the processes, for models that do not fit
# on one GPU. Add this file to the _base_ of a config and start it with mmdense dist_train.
runner_type = "FlexibleRunner"
strategy = dict(
    type="mmdense.FSDPStrategy",
    shard=["BasicBlock", "Bottleneck", "TransformerEncoderLayer"],  # each is gathered separately
)
