"""SimSiam on CIFAR-10 (JPEG), 32x32.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_cifar10.py
Machine: two CPU cores, under 25 minutes, while other programs ran.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/cifar10.py.
Vary: max_epochs and base_lr below; the learning rate follows the batch size linearly.
"""

_base_ = [
    "../_base_/models/simsiam_r18_w32.py",
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_pretrain.py",
]

# For 32x32: a 3x3 stem without pooling; the first stage halves the map.
model = dict(backbone=dict(type="ResNet_CIFAR", strides=(2, 2, 2, 2)))
max_epochs = 3
batch_size = 256
base_lr = 0.06  # for a batch of 256
lr = base_lr * batch_size / 256

train_dataloader = dict(batch_size=batch_size)
optim_wrapper = dict(optimizer=dict(lr=lr))
custom_hooks = [dict(type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=lr)]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)

expected = []
