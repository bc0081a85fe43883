"""SimSiam on ImageNet-100, ResNet-18, lr 0.5, 1000 epochs.

Paper: solo-learn has this rate, batch and decay for ImageNet-100; crops and projector are those
    of arXiv:2203.16262.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_imagenet100_lr05_1000e.py
Machine: one GPU, or several, with batches of 256 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_imagenet100_lr05_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
