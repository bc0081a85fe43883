"""SelfPatch on the unlabelled images of COCO train2017, ViT-S/16, 200 epochs.

Paper: SelfPatch, arXiv:2206.07990, whose ablations use COCO. Their settings were not available:
    these are those for ImageNet, with fewer prototypes for fewer images.
Command: mmdense train configs/selfpatch/selfpatch_vit_s_coco_200e.py
Machine: one or more GPUs with a total batch size of 256. Not run here.
Expected: no score. Not run here.
Vary: --amp; on N GPUs batch_size=256/N. The baseline, DINO: model.patch_weight=0
"""

_base_ = ["../_base_/models/selfpatch.py", "../_base_/datasets/coco_unlabelled.py"]

num_images = 118_287
max_epochs = 200
batch_size = 256
size = next(one for one in _base_.sizes if num_images <= one["images"])

model = dict(
    prototypes=size["prototypes"],
    patch_prototypes=size["patch_prototypes"],
    momentum=size["momentum"],
    frozen_prototypes=1250,
)
data_preprocessor = _base_.multi_crop
train_dataloader = dict(batch_size=batch_size)
auto_scale_lr = dict(enable=False, base_batch_size=256)
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)
default_hooks = dict(checkpoint=dict(interval=10))

expected = []
