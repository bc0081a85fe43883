"""SimSiam on ImageNet-100, ResNet-18, lr 0.05, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, section 3 has a ResNet-50 on ImageNet; carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_imagenet100_lr005_200e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=512/N by --cfg-options.
"""

_base_ = [
    "../_base_/models/siamese_r18.py",
    "../_base_/datasets/imagenet100.py",
    "../_base_/schedules/siamese_lr005.py",
]

train_dataloader = dict(batch_size=512)

expected = []
