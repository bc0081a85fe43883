"""SimSiam on 1,000 natural photos and the unlabelled CamVid training images.

Paper: SimSiam, arXiv:2011.10566, sections 3 and 4; ResNet-18 of half width instead of ResNet-50.
Command: python tools/train.py configs/pretrain/simsiam_r18_camvid.py
Machine: two CPU cores, 9 minutes, shared with other programs.
Expected: a loss that falls towards -1; the worth of the weights: configs/pipelines/camvid.py.
Vary: as its base.
"""

_base_ = "./simsiam_r18_bccd.py"

# The folders first: python tools/prepare_data.py natural1k camvid --source FOLDER
_datasets = _base_.train_dataloader.dataset.datasets
_datasets[1].data_root = "data/camvid/images/train"
train_dataloader = dict(dataset=dict(datasets=_datasets))

expected = []
