# ImageNet (ILSVRC 2012) without labels, for pretraining.
# Link the folder first: python tools/prepare_data.py imagenet --source FOLDER
# Workers decode, scale the short side to 256 and crop 256x256; the views of 224x224 are made on the
# batch. So a view lies in that square, where a worker's own crop could lie in the whole photo.
_base_ = "unlabelled_photos.py"

data_preprocessor = dict(size=224)
pipeline = [
    dict(type="LoadImageFromFile"),
    dict(type="mmpretrain.ResizeEdge", scale=256, edge="short"),
    dict(type="mmpretrain.RandomCrop", crop_size=256),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(data_root="data/imagenet/train", pipeline=pipeline))
