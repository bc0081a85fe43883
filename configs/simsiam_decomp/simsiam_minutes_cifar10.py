"""SimSiam on 5,000 images of CIFAR-10 (JPEG), reduced to show collapse in minutes.

Paper: How Does SimSiam Avoid Collapse, arXiv:2203.16262; a quarter of the width, 468 steps.
Command: mmdense train configs/simsiam_decomp/simsiam_minutes_cifar10.py
Machine: two CPU cores, three minutes.
Expected: a healthy verdict; a naive Siamese network collapses completely.
Vary: model.head, by _base_/models/siamese_variants.py (minutes).
"""

_base_ = [
    "../_base_/models/siamese_r18_w16.py",
    "../_base_/datasets/cifar10.py",
    "../_base_/schedules/sgd_simsiam.py",
    "../_base_/runtime_siamese.py",
]

max_epochs = 12
train_cfg = dict(max_epochs=max_epochs)
train_dataloader = dict(
    batch_size=128,
    dataset=dict(
        _delete_=True,
        type="mmdense.FewLabels",
        percent=10,
        seed=0,
        dataset=_base_.train_dataloader.dataset,
    ),
)
# A high learning rate at a small batch, so that a few hundred steps show a collapse.
lr = 0.3
optim_wrapper = dict(optimizer=dict(lr=lr, weight_decay=1e-5))
default_hooks = dict(
    logger=dict(interval=10),
    checkpoint=dict(interval=4),
    knn=dict(interval=max_epochs),
    predictor_lr=dict(lr=lr),
    collapse=dict(interval=20),
)

expected = []
