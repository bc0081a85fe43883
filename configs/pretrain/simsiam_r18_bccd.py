"""SimSiam on 1,000 natural images and the unlabelled BCCD training images.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_bccd.py
Machine: two CPU cores, 10 minutes, while other programs ran.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/bccd.py.
Vary: max_epochs below; batch_size and base_lr, as in its base config.
"""

_base_ = "./simsiam_r18_photos.py"

max_epochs = 16
# Prepare the folders first: mmdense prepare_data natural1k bccd --source FOLDER
_unlabelled = dict(type="mmpretrain.CustomDataset", with_label=False, pipeline=_base_.pipeline)
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="mmengine.ConcatDataset",
        datasets=[
            dict(_unlabelled, data_root="data/natural1k"),
            dict(_unlabelled, data_root="data/bccd/images/train"),
        ],
    ),
)
train_cfg = dict(max_epochs=max_epochs)

expected = []
