"""k-NN and linear probe on CIFAR-10 (JPEG).

Paper: SimSiam, arXiv:2011.10566, section 4; here frozen features are extracted once, without crops.
Command: mmdense linear_probe configs/probe/r18_cifar10.py CHECKPOINT
Machine: two CPU cores, 3 minutes.
Expected: below, from the record of configs/pipelines/cifar10.py.
Vary: mmdense knn takes the same config.
"""

_base_ = [
    "../_base_/datasets/cifar10.py",
    "../_base_/runtime_pretrain.py",
]

model = dict(
    backbone=dict(
        type="mmpretrain.ResNet_CIFAR",
        depth=18,
        stem_channels=32,
        base_channels=32,
        strides=(2, 2, 2, 2),
    )
)

_record = "pipelines/2026-11-22_cifar10"
expected = [
    dict(record=_record, metric="probe_ssl/accuracy/top1", value=32.79, tolerance=2.0),
]
