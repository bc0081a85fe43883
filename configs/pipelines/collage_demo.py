"""From unlabelled images to a detector and a segmentor, on generated images.

Paper: SimSiam, arXiv:2011.10566; Cascade RPN, arXiv:1909.06720; FPN, arXiv:1612.03144, 1901.02446.
Command: mmdense pipeline configs/pipelines/collage_demo.py
Machine: two CPU cores, under 10 minutes.
Expected: below, from the record; Collage and its scores are synthetic.
Vary: the configs of the stages; a stage runs again if its inputs change.
"""

name = "collage_demo"
seed = 0
data = [dict(name="collage", size="small")]

stages = [
    dict(
        name="pretrain",
        tool="train",
        config="configs/pretrain/simsiam_r18_collage.py",
        task="pretrain",
        data="Collage",
    ),
    dict(
        name="probe_ssl",
        tool="linear_probe",
        config="configs/probe/r18_collage.py",
        after="pretrain",
        task="linear_probe",
        data="Collage",
    ),
    dict(
        name="probe_random",
        tool="linear_probe",
        config="configs/probe/r18_collage.py",
        task="linear_probe",
        data="Collage",
    ),
    dict(
        name="detect_ssl",
        tool="train",
        config="configs/cascade_rpn/faster_rcnn_r18_collage.py",
        after="pretrain",
        task="detection",
        data="Collage",
    ),
    dict(
        name="detect_random",
        tool="train",
        config="configs/cascade_rpn/faster_rcnn_r18_collage.py",
        task="detection",
        data="Collage",
    ),
    dict(
        name="detect_rpn",
        tool="train",
        config="configs/detection/faster_rcnn_r18_collage.py",
        after="pretrain",
        task="detection",
        data="Collage",
    ),
    dict(
        name="segment_ssl",
        tool="train",
        config="configs/segmentation/semantic_fpn_r18_collage.py",
        after="pretrain",
        task="segmentation",
        data="Collage",
    ),
    dict(
        name="segment_random",
        tool="train",
        config="configs/segmentation/semantic_fpn_r18_collage.py",
        task="segmentation",
        data="Collage",
    ),
]

compare = [
    dict(
        task="linear_probe",
        metric="accuracy/top1",
        ssl="probe_ssl",
        random="probe_random",
        label="linear probe, top-1 %",
        scale=1,
    ),
    dict(
        task="detection",
        metric="coco/bbox_mAP",
        ssl="detect_ssl",
        random="detect_random",
        label="box AP, Cascade RPN",
        scale=100,
    ),
    dict(
        task="detection",
        metric="coco/bbox_mAP",
        ssl="detect_rpn",
        label="box AP, RPN",
        scale=100,
    ),
    dict(
        task="detection",
        metric="coco/AR@100",
        ssl="detect_ssl",
        random="detect_random",
        label="box AR@100 of any class, Cascade RPN",
        scale=100,
    ),
    dict(
        task="detection",
        metric="coco/AR@100",
        ssl="detect_rpn",
        label="box AR@100 of any class, RPN",
        scale=100,
    ),
    dict(
        task="segmentation",
        metric="mIoU",
        ssl="segment_ssl",
        random="segment_random",
        label="mIoU",
        scale=1,
    ),
]

_record = "pipelines/2026-11-22_collage_demo_monitored"
expected = [
    dict(record=_record, metric="detect_ssl/coco/bbox_mAP", value=0.004, tolerance=0.02),
    dict(record=_record, metric="segment_ssl/mIoU", value=7.56, tolerance=3.0),
    dict(record=_record, metric="probe_ssl/accuracy/top1", value=10.6667, tolerance=5.0),
]
