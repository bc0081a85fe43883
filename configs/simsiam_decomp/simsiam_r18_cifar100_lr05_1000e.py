"""SimSiam on CIFAR-100, ResNet-18, lr 0.5, 1000 epochs.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262: its baseline, with the settings of the
    fork of solo-learn that its experiments probably used.
Command: mmdense train configs/simsiam_decomp/simsiam_r18_cifar100_lr05_1000e.py
Machine: one or more GPUs with a total batch size of 256; not measured.
Expected: below, from the table of the paper 2, by an online linear probe; it is unknown whether its
    projector ended with a BatchNorm. Its stem has a padding of 2, ours of 1. Not run here.
Vary: same as its base config.
"""

_base_ = "./simsiam_r18_cifar100_lr05_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

_paper = "Zhang et al. 2022, table 2, online linear probe"
expected = [
    dict(paper=_paper, metric="accuracy/top1", value=66.62, tolerance=3.0),
]
