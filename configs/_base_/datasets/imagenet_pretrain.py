# ImageNet (ILSVRC 2012): photos for pretraining with batched views, and labels for the probes.
# Link the folder first: python tools/prepare_data.py imagenet --source FOLDER
# A test gets the middle 224x224 of a photo whose short side is scaled to 256.
_base_ = "imagenet_unlabelled.py"

train_dataloader = dict(
    num_workers=8,
    dataset=dict(
        _delete_=True,
        type="mmpretrain.ImageNet",
        data_root="data/imagenet",
        split="train",
        pipeline=_base_.pipeline,
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
            dict(type="LoadImageFromFile"),  # the hosts' inferencers look for this name
            dict(type="mmpretrain.ResizeEdge", scale=256, edge="short"),
            dict(type="mmpretrain.CenterCrop", crop_size=224),
            dict(type="mmdense.PackImage"),
        ],
    ),
)
test_evaluator = dict(type="mmpretrain.Accuracy", topk=(1, 5))
test_cfg = dict()
