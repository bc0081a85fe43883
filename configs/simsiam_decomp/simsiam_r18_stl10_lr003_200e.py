"""SimSiam on STL-10, ResNet-18, lr 0.03, 200 epochs.

Paper: SimSiam, arXiv:2011.10566, appendix D has a ResNet-18 on CIFAR-10; carried over to this.
Command: python tools/train.py configs/simsiam_decomp/simsiam_r18_stl10_lr003_200e.py
Machine: one GPU, or several, with batches of 512 in all; not measured.
Expected: no figure is published for this, and it was not run here.
Vary: --amp; on N GPUs train_dataloader.batch_size=512/N by --cfg-options.
"""

_base_ = [
    "../_base_/models/siamese_r18.py",
    "../_base_/datasets/stl10_unlabelled.py",
    "../_base_/schedules/siamese_lr003.py",
]

model = dict(neck=dict(num_layers=2))
train_dataloader = dict(batch_size=512)
default_hooks = dict(
    knn=dict(
        train_dataloader=dict(
            dataset=dict(type="mmdense.STL10", data_root="data/stl10", split="train")
        )
    )
)

expected = []
