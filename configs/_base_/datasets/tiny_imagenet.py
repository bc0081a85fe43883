# Tiny-ImageNet, 64x64, 200 classes: for pretraining with batched views, and for the probes. The
# test images have no labels; the 10,000 of val are the test set, as in the literature.
# Prepare the folder first: mmdense prepare_data tiny_imagenet --source FOLDER_OR_ARCHIVE
_base_ = "stl10.py"

data_preprocessor = dict(common=dict(size=64), to_rgb=True)
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmpretrain.PackInputs"),
]
_dataset = dict(_delete_=True, type="mmpretrain.CustomDataset", pipeline=pipeline)
train_dataloader = dict(dataset=dict(_dataset, data_root="data/tiny_imagenet/train"))
test_dataloader = dict(dataset=dict(_dataset, data_root="data/tiny_imagenet/val", test_mode=True))
test_evaluator = dict(topk=(1, 5))
