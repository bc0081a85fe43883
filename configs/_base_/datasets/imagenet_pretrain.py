# ImageNet (ILSVRC 2012): images for pretraining with batched views, and labels for the probes.
# Link the folder first: mmdense prepare_data imagenet --source FOLDER
# Workers decode, at half the size or less where 448 pixels remain of the short side; the views of
# 224x224 are made on the batch, from whole images. Tests use the central 224x224 crop of an image
# whose short side is scaled to 256.
_base_ = "unlabelled_photos.py"

data_preprocessor = dict(common=dict(size=224), to_rgb=False)  # mmdense.PackImage gives RGB
pipeline = [
    dict(type="mmdense.LoadImage", short_side=448),
    dict(type="mmdense.PackImage"),
]
train_dataloader = dict(
    num_workers=8,
    collate_fn=dict(_delete_=True, type="mmdense.collate_images"),
    dataset=dict(
        _delete_=True,
        type="mmpretrain.ImageNet",
        data_root="data/imagenet",
        split="train",
        pipeline=pipeline,
    ),
)
test_dataloader = dict(
    batch_size=64,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="default_collate"),
    dataset=dict(
        type="mmpretrain.ImageNet",
        data_root="data/imagenet",
        split="val",
        pipeline=[
            dict(type="LoadImageFromFile"),  # the inferencers of OpenMMLab need this name
            dict(type="mmpretrain.ResizeEdge", scale=256, edge="short"),
            dict(type="mmpretrain.CenterCrop", crop_size=224),
            dict(type="mmdense.PackImage"),
        ],
    ),
)
test_evaluator = dict(type="mmpretrain.Accuracy", topk=(1, 5))
test_cfg = dict()
