"""SimSiam on CIFAR-10, ResNet-50, lr 0.5, 200 epochs.

Paper: arXiv:2203.16262 has a ResNet-18 on CIFAR-100; its settings carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r50_cifar10_lr05_200e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_cifar10_lr05_200e.py"

model = dict(backbone=dict(depth=50), neck=dict(in_channels=2048))

expected = []
