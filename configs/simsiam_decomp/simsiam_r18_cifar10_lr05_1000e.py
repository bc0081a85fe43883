"""SimSiam on CIFAR-10, ResNet-18, lr 0.5, 1000 epochs.

Paper: arXiv:2203.16262 has CIFAR-100; the same settings, which are solo-learn's for CIFAR-10.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_cifar10_lr05_1000e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: solo-learn reports 90.51 (online linear probe) with a last BatchNorm in the projector;
    not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_cifar10_lr05_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
