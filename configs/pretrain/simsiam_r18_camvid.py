"""SimSiam on 1,000 natural images and the unlabelled CamVid training images.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: mmdense train configs/pretrain/simsiam_r18_camvid.py
Machine: two CPU cores, 9 minutes, while other programs ran.
Expected: the loss decreases towards -1. For scores of the weights, see
    configs/pipelines/camvid.py.
Vary: same as its base config.
"""

_base_ = "./simsiam_r18_bccd.py"

# Prepare the folders first: mmdense prepare_data natural1k camvid --source FOLDER
_datasets = _base_.train_dataloader.dataset.datasets
_datasets[1].data_root = "data/camvid/images/train"
train_dataloader = dict(dataset=dict(datasets=_datasets))

expected = []
