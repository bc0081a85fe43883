"""What a ResNet-18 of half width is worth on BCCD and CamVid, against random weights.

Paper: Faster R-CNN, arXiv:1506.01497; Semantic FPN, arXiv:1901.02446; both at a size for two cores.
Command: python tools/downstream.py CHECKPOINT --suite configs/downstream/suite_small.py
Machine: two CPU cores, 30 minutes for each share of the labels.
Expected: it depends on the checkpoint.
Vary: --labels 1 5 10 100, --seeds 0 1 2.
"""

_bccd = dict(base="configs/detection/faster_rcnn_r18_bccd.py", data="BCCD")
_camvid = dict(base="configs/segmentation/semantic_fpn_r18_camvid.py", data="CamVid")
_given = dict(init="CHECKPOINT")

name = "downstream_small"
slug = "downstream"
task = "downstream"
seeds = [0]
data = [dict(name="bccd"), dict(name="camvid")]
variants = [
    dict(name="bccd", label="BCCD, Faster R-CNN", against="bccd_random", **_given, **_bccd),
    dict(name="bccd_random", label="BCCD, random weights", **_bccd),
    dict(name="camvid", label="CamVid, Semantic FPN", against="camvid_random", **_given, **_camvid),
    dict(name="camvid_random", label="CamVid, random weights", **_camvid),
]
metrics = [
    dict(metric="coco/bbox_mAP", label="box AP", scale=100, optional=True),
    dict(metric="coco/bbox_mAP_50", label="AP50", scale=100, optional=True),
    dict(metric="mIoU", label="mIoU", scale=1, optional=True),
]

expected = []
