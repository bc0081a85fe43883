"""DINO on ImageNet, ViT-S/16, 200 epochs: the baseline of SelfPatch with equal pool and crops.

Paper: DINO, arXiv:2104.14294; pool and crops of SelfPatch, arXiv:2206.07990. SelfPatch was compared
    with a DINO that has a class token, crops of (0.4, 1) and (0.05, 0.4), and 300 epochs.
Command: mmdense train configs/selfpatch/dino_vit_s_imagenet_200e.py
Machine: 8 GPUs with 128 images each. Not run here.
Expected: no score is published for this combination. Not run here.
Vary: --amp; --auto-scale-lr for another total batch size; 300 epochs: max_epochs=300.
"""

_base_ = ["../_base_/models/dino.py", "../_base_/datasets/imagenet_pretrain.py"]

max_epochs = 200
model = dict(frozen_prototypes=1_281_167 // 1024)  # an epoch
data_preprocessor = _base_.multi_crop
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=5e-4 * 1024 / 256))
auto_scale_lr = dict(enable=False, base_batch_size=1024)
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)
default_hooks = dict(
    checkpoint=dict(interval=10), knn=dict(type="mmdense.KNNHook", interval=20, k=(20,))
)

expected = []
