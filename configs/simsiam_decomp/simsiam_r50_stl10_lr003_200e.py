"""SimSiam on STL-10, ResNet-50, lr 0.03, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, appendix D has a ResNet-18 on CIFAR-10; carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r50_stl10_lr003_200e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_stl10_lr003_200e.py"

model = dict(backbone=dict(depth=50), neck=dict(in_channels=2048))

expected = []
