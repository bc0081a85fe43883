# Any folder of images without labels, for pretraining; by default 1,000 natural images.
# Prepare the folder first: mmdense prepare_data natural1k --source FOLDER_OR_ARCHIVE
# Workers decode, scale and crop to 128x128; the views of 96x96 are made on the batch.
data_preprocessor = dict(
    type="mmdense.MultiViewPreprocessor",
    # of ImageNet, RGB, from 0 to 255
    mean=(123.675, 116.28, 103.53),
    std=(58.395, 57.12, 57.375),
    to_rgb=True,
    common=dict(size=96),
    views=[dict(num=2)],
)
pipeline = [
    dict(type="mmdense.LoadImage", short_side=256),  # a large JPEG is decoded at half its size
    dict(type="mmpretrain.ResizeEdge", scale=128, edge="short"),
    dict(type="mmpretrain.RandomCrop", crop_size=128),
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
        data_root="data/natural1k",
        with_label=False,
        pipeline=pipeline,
    ),
)
