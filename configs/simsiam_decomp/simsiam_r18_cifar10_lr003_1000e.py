"""SimSiam on CIFAR-10, ResNet-18, lr 0.03, 1000 epochs.

Paper: SimSiam, arXiv:2011.10566, appendix D, there 800 epochs.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_cifar10_lr003_1000e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: the paper has 91.8 (linear probe) after 800 epochs, lightly 90.4 (k-NN, k = 200, the best
    epoch); not run here.
Vary: as its base.
"""

_base_ = "./simsiam_r18_cifar10_lr003_200e.py"

train_cfg = dict(max_epochs=1000)
default_hooks = dict(knn=dict(interval=50))

expected = []
