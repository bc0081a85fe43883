"""SimSiam on CIFAR-10, ResNet-50, lr 0.5, 1000 epochs.

Paper: arXiv:2203.16262 has a ResNet-18 on CIFAR-100; its settings carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r50_cifar10_lr05_1000e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r50_cifar10_lr05_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
