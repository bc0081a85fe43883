"""Transfer of a small backbone to BCCD and CamVid, compared with random weights.

The variants whose backbone fits the checkpoint are trained: ResNet-18 of half width, ViT-S/16, or
the ViT of six layers of configs/selfpatch/.

Paper: Faster R-CNN, arXiv:1506.01497; Semantic FPN, arXiv:1901.02446; both reduced for two cores.
Command: mmdense downstream CHECKPOINT --suite configs/downstream/suite_small.py
Machine: two CPU cores, 30 minutes for each label fraction; a ViT takes two hours.
Expected: depends on the checkpoint.
Vary: --labels 1 5 10 100, --seeds 0 1 2.
"""

_configs = dict(
    r18=dict(
        bccd="configs/detection/faster_rcnn_r18_bccd.py",
        camvid="configs/segmentation/semantic_fpn_r18_camvid.py",
    ),
    vit_s=dict(
        bccd="configs/detection/faster_rcnn_vit_s_bccd.py",
        camvid="configs/segmentation/semantic_fpn_vit_s_camvid.py",
    ),
    vit_ti=dict(
        bccd="configs/detection/faster_rcnn_vit_ti_bccd.py",
        camvid="configs/segmentation/semantic_fpn_vit_ti_camvid.py",
    ),
)


def _pair(backbone, title, data, task):
    """A task from the checkpoint, against the same from random weights."""
    name = f"{data.lower()}_{backbone}"
    shared = dict(base=_configs[backbone][data.lower()], data=data)
    label = f"{data}, {title}"
    return [
        dict(
            name=name,
            label=f"{label}, {task}",
            against=f"{name}_random",
            init="CHECKPOINT",
            **shared,
        ),
        dict(name=f"{name}_random", label=f"{label}, random weights", **shared),
    ]


name = "downstream_small"
slug = "downstream"
task = "downstream"
seeds = [0]
data = [dict(name="bccd"), dict(name="camvid")]
variants = [
    row
    for backbone, title in (
        ("r18", "ResNet-18"),
        ("vit_s", "ViT-S"),
        ("vit_ti", "ViT of six layers"),
    )
    for data, task in (("BCCD", "Faster R-CNN"), ("CamVid", "Semantic FPN"))
    for row in _pair(backbone, title, data, task)
]
metrics = [
    dict(metric="coco/bbox_mAP", label="box AP", scale=100, optional=True),
    dict(metric="coco/bbox_mAP_50", label="AP50", scale=100, optional=True),
    dict(metric="mIoU", label="mIoU", scale=1, optional=True),
]

expected = []
