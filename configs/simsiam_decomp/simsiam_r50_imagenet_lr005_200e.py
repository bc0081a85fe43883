"""SimSiam on ImageNet, ResNet-50, lr 0.05, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, section 3.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r50_imagenet_lr005_200e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: the paper has 70.0 and MMPretrain 69.8 (linear probe) with batches of 256; not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_imagenet_lr005_200e.py"

model = dict(backbone=dict(depth=50), neck=dict(in_channels=2048))

expected = []
