"""Pascal VOC 07+12 with every detector whose backbone fits the checkpoint.

Paper: MoCo, arXiv:1911.05722, section 4.2.1.
Command: mmdense downstream CHECKPOINT --suite configs/downstream/suite_voc.py
Machine: 8 GPUs with 2 images each. Not run here.
Expected: no score. Not run here.
Vary: --gpus 8, --labels 1 5 10 100, --seeds.
"""

_base = "configs/downstream/faster_rcnn_r50_{}_24k_voc0712.py"

name = "downstream_voc"
slug = "downstream"
task = "detection"
seeds = [0]
data = [dict(name="voc")]
variants = [
    dict(name="r50_c4", label="ResNet-50, C4", base=_base.format("c4"), init="CHECKPOINT"),
    dict(name="r50_fpn", label="ResNet-50, FPN", base=_base.format("fpn"), init="CHECKPOINT"),
]
metrics = [
    dict(metric="pascal_voc/mAP", label="AP", scale=100),
    dict(metric="pascal_voc/AP50", label="AP50", scale=100),
    dict(metric="pascal_voc/AP75", label="AP75", scale=100),
]

expected = []
