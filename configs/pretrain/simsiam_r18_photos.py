"""SimSiam on any folder of images.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_photos.py --cfg-options \
train_dataloader.dataset.data_root=FOLDER
Machine: two CPU cores, two minutes for 300 images.
Expected: the loss decreases towards -1, and the final verdict is healthy.
Vary: max_epochs and base_lr below; the learning rate follows the batch size linearly.
"""

_base_ = [
    "../_base_/models/simsiam_r18_w32.py",
    "../_base_/datasets/unlabelled_photos.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_pretrain.py",
]

max_epochs = 20
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
