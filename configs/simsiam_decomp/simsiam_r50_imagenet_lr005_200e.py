"""SimSiam on ImageNet, ResNet-50, lr 0.05, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, section 3; its comparison with other methods uses a batch size of
    256 at half the learning rate.
Command: mmdense train configs/simsiam_decomp/simsiam_r50_imagenet_lr005_200e.py
Machine: one or more GPUs with a total batch size of 512; not measured.
Expected: the paper reports 70.0 and MMPretrain 69.8 (linear probe) with a batch size of 256. Not
    run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=512/N by --cfg-options. study_recipes.py has
    ResNet-18, solo-learn's recipe and 1000 epochs.
"""

_base_ = [
    "../_base_/models/siamese_r18.py",
    "../_base_/datasets/imagenet_pretrain.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_siamese.py",
]

model = dict(backbone=dict(depth=50), neck=dict(in_channels=2048))
train_dataloader = dict(batch_size=512)
lr = 0.05 * 512 / 256
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-4))
default_hooks = dict(predictor_lr=dict(lr=lr))

expected = []
