"""SimSiam on CIFAR-10, ResNet-50, lr 0.03, 1000 epochs.

Paper: SimSiam, arXiv:2011.10566, appendix D has a ResNet-18 on CIFAR-10; carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r50_cifar10_lr003_1000e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r50_cifar10_lr003_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
