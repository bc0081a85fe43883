# Images in WebDataset shards without labels, for pretraining; otherwise as unlabelled_photos.py.
# Write the shards first: mmdense prepare_data --shard FOLDER --out data/shards
# Shards are shuffled, and then the samples of 8 shards at a time.
_base_ = "unlabelled_photos.py"

train_dataloader = dict(
    sampler=dict(_delete_=True, type="mmdense.ShardSampler", window=8),
    dataset=dict(
        _delete_=True,
        type="mmdense.ShardDataset",
        shards="data/shards",
        pipeline=_base_.pipeline,
    ),
)
