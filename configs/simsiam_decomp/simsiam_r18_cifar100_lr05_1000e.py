"""SimSiam on CIFAR-100, ResNet-18, lr 0.5, 1000 epochs.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262: its baseline, with the settings of the
    fork of solo-learn that its experiments seem to come from.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_cifar100_lr05_1000e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: below, from the paper's table 2, by an online linear probe; whether its projector ended in
    a BatchNorm is not known. Its stem pads by 2, ours by 1. Not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_cifar100_lr05_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = [
    dict(
        paper="Zhang et al. 2022, table 2, online linear probe",
        metric="accuracy/top1",
        value=66.62,
        tolerance=3.0,
    ),
]
