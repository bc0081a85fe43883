# Collage (generated images), 128x128 without labels, for pretraining.
# They look like the train split. The views of 64x64 are made on the batch.
# Generate it first: mmdense make_collage --size small
data_preprocessor = dict(
    type="mmdense.MultiViewPreprocessor",
    # of ImageNet, RGB, from 0 to 255
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    to_rgb=True,
    common=dict(size=64),
    views=[dict(num=2)],
)
pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmpretrain.CustomDataset",
        data_root="data/collage/small/unlabelled",
        with_label=False,
        pipeline=pipeline,
    ),
)
