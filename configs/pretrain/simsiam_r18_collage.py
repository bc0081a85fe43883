"""SimSiam on the unlabelled split of Collage (generated images).

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_collage.py
Machine: two CPU cores, 1.5 minutes.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/collage_demo.py.
Vary: max_epochs below; batch_size and base_lr, as in its base config.
"""

_base_ = "./simsiam_r18_photos.py"

# Generate the images first: mmdense make_collage --size small. They are 128x128, views 64x64.
data_preprocessor = dict(common=dict(size=64))
pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(data_root="data/collage/small/unlabelled", pipeline=pipeline))
max_epochs = 6
train_cfg = dict(max_epochs=max_epochs)

expected = []
