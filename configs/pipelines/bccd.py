"""A blood cell detector from 1,000 images and unlabelled microscope images.

Paper: SimSiam, arXiv:2011.10566; Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144.
Command: mmdense pipeline configs/pipelines/bccd.py --source FOLDER
Machine: two CPU cores, under 30 minutes.
Expected: below, from the record; one seed.
Vary: the configs of the stages; a stage runs again if its inputs change.
"""

name = "bccd"
seed = 0
data = [dict(name="natural1k"), dict(name="bccd")]

_detect = dict(
    tool="train",
    config="configs/detection/faster_rcnn_r18_bccd.py",
    task="detection",
    data="BCCD",
)
stages = [
    dict(
        name="pretrain",
        tool="train",
        config="configs/pretrain/simsiam_r18_bccd.py",
        task="pretrain",
        data="natural1k, BCCD",
    ),
    dict(_detect, name="detect_ssl", after="pretrain"),
    dict(_detect, name="detect_random"),
]

compare = [
    dict(
        task="detection",
        metric="coco/bbox_mAP",
        ssl="detect_ssl",
        random="detect_random",
        label="box AP",
        scale=100,
    ),
]

_record = "pipelines/2026-11-22_bccd"
expected = [
    dict(record=_record, metric="detect_ssl/coco/bbox_mAP", value=0.48, tolerance=0.05),
    dict(record=_record, metric="detect_random/coco/bbox_mAP", value=0.509, tolerance=0.05),
]
