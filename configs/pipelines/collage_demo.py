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


def _train(name, config, task, **more):
    return dict(name=name, tool="train", config=config, task=task, data="Collage", **more)


def _probe(name, **more):
    return dict(
        name=name,
        tool="linear_probe",
        config="configs/probe/r18_collage.py",
        task="linear_probe",
        data="Collage",
        **more,
    )


_cascade_rpn = "configs/cascade_rpn/faster_rcnn_r18_collage.py"
_rpn = "configs/detection/faster_rcnn_r18_collage.py"
_segment = "configs/segmentation/semantic_fpn_r18_collage.py"
stages = [
    _train("pretrain", "configs/pretrain/simsiam_r18_collage.py", "pretrain"),
    _probe("probe_ssl", after="pretrain"),
    _probe("probe_random"),
    _train("detect_ssl", _cascade_rpn, "detection", after="pretrain"),
    _train("detect_random", _cascade_rpn, "detection"),
    _train("detect_rpn", _rpn, "detection", after="pretrain"),
    _train("segment_ssl", _segment, "segmentation", after="pretrain"),
    _train("segment_random", _segment, "segmentation"),
]

_AP = dict(task="detection", metric="coco/bbox_mAP", scale=100)
_AR = dict(task="detection", metric="coco/AR@100", scale=100)
compare = [
    dict(
        task="linear_probe",
        metric="accuracy/top1",
        ssl="probe_ssl",
        random="probe_random",
        label="linear probe, top-1 %",
        scale=1,
    ),
    dict(_AP, ssl="detect_ssl", random="detect_random", label="box AP, Cascade RPN"),
    dict(_AP, ssl="detect_rpn", label="box AP, RPN"),
    dict(
        _AR, ssl="detect_ssl", random="detect_random", label="box AR@100 of any class, Cascade RPN"
    ),
    dict(_AR, ssl="detect_rpn", label="box AR@100 of any class, RPN"),
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
