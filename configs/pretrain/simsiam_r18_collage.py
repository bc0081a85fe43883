"""SimSiam on the unlabelled split of Collage (generated images).

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_collage.py
Machine: two CPU cores, 1.5 minutes.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/collage_demo.py.
Vary: max_epochs and base_lr below; the learning rate follows the batch size linearly.
"""

_base_ = [
    "../_base_/models/simsiam_r18_w32.py",
    "../_base_/datasets/collage_unlabelled.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_pretrain.py",
]

max_epochs = 6
batch_size = 64
base_lr = 0.2  # for a batch of 256
lr = base_lr * batch_size / 256

train_dataloader = dict(batch_size=batch_size)
optim_wrapper = dict(optimizer=dict(lr=lr))
custom_hooks = [
    dict(type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=lr),
    dict(type="mmdense.CollapseHook", interval=20),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)

expected = []
