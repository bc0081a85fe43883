"""SimSiam on ImageNet-100, ResNet-18, lr 0.05, 1000 epochs.

Paper: SimSiam, arXiv:2011.10566, section 3 has a ResNet-50 on ImageNet; carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_imagenet100_lr005_1000e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_imagenet100_lr005_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
