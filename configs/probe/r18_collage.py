"""A linear probe on the classification split of Collage (generated images).

Paper: SimSiam, arXiv:2011.10566, section 4; here frozen features are extracted once, without crops.
Command: mmdense linear_probe configs/probe/r18_collage.py CHECKPOINT
Machine: two CPU cores, 15 seconds.
Expected: below, from the record of configs/pipelines/collage_demo.py.
Vary: mmdense knn takes the same config.
"""

_base_ = [
    "../_base_/datasets/collage_classification.py",
    "../_base_/runtime_pretrain.py",
]

model = dict(backbone=dict(type="mmpretrain.ResNet", depth=18, stem_channels=32, base_channels=32))

_record = "pipelines/2026-11-22_collage_demo_monitored"
expected = [
    dict(record=_record, metric="probe_ssl/accuracy/top1", value=10.6667, tolerance=5.0),
]
