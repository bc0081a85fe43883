"""SimSiam on 1,000 natural images and the unlabelled BCCD training images.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_bccd.py
Machine: two CPU cores, 10 minutes, while other programs ran.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/bccd.py.
Vary: max_epochs and base_lr below; the learning rate follows the batch size linearly.
"""

_base_ = [
    "../_base_/models/simsiam_r18_w32.py",
    "../_base_/datasets/unlabelled_photos.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_pretrain.py",
]

max_epochs = 16
batch_size = 64
base_lr = 0.2  # for a batch of 256
lr = base_lr * batch_size / 256

# Prepare the folders first: mmdense prepare_data natural1k bccd --source FOLDER
_unlabelled = dict(type="mmpretrain.CustomDataset", with_label=False, pipeline=_base_.pipeline)
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(
        _delete_=True,
        type="mmengine.ConcatDataset",
        datasets=[
            dict(_unlabelled, data_root="data/natural1k"),
            dict(_unlabelled, data_root="data/bccd/images/train"),
        ],
    ),
)
optim_wrapper = dict(optimizer=dict(lr=lr))
custom_hooks = [
    dict(type="SimSiamHook", priority="HIGH", fix_pred_lr=True, lr=lr),
    dict(type="mmdense.CollapseHook", interval=20),
]
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs)

expected = []
