# ImageNet (ILSVRC 2012) without labels, for pretraining.
# Link the folder first: python tools/prepare_data.py imagenet --source FOLDER
# Workers decode, at half the size or less where 448 pixels remain of the short side; the views of
# 224x224 are made on the batch, from whole photos.
_base_ = "unlabelled_photos.py"

data_preprocessor = dict(common=dict(size=224), to_rgb=False)  # mmdense.PackImage gives RGB
pipeline = [
    dict(type="mmdense.LoadImage", short_side=448),
    dict(type="mmdense.PackImage"),
]
train_dataloader = dict(
    collate_fn=dict(_delete_=True, type="mmdense.collate_images"),
    dataset=dict(data_root="data/imagenet/train", pipeline=pipeline),
)
