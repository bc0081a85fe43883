# Photos in WebDataset shards, without labels, for pretraining; otherwise as unlabelled_photos.py.
# Make the shards first: python tools/make_shards.py FOLDER_OF_PHOTOS data/shards
# Shards are shuffled, and then the samples of 8 shards at a time.
_base_ = "unlabelled_photos.py"

pipeline = [
    dict(type="mmdense.LoadImageFromBytes"),
    dict(type="mmpretrain.ResizeEdge", scale=128, edge="short"),
    dict(type="mmpretrain.RandomCrop", crop_size=128),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    sampler=dict(_delete_=True, type="mmdense.ShardSampler", window=8),
    dataset=dict(
        _delete_=True,
        type="mmdense.ShardDataset",
        shards="data/shards",
        pipeline=pipeline,
    ),
)
