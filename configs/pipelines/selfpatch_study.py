"""Transfer of a self-supervised ViT to CamVid and BCCD with 10 % and 100 % of the labels.

Paper: DINO, arXiv:2104.14294; SelfPatch, arXiv:2206.07990; SimSiam, arXiv:2011.10566; Semantic FPN,
    arXiv:1901.02446; Faster R-CNN, arXiv:1506.01497.
Command: mmdense study configs/pipelines/selfpatch_study.py --source FOLDER
Machine: two CPU cores; 10 core-hours for each seed, 7 of them for the pretraining, from the CPU
    times of a step.
Expected: no score yet.
Vary: seeds; percents; tasks=["camvid_frozen","bccd_cascade_rpn"] for a frozen backbone and for
    Cascade RPN.
"""

tasks = ["camvid", "bccd"]
percents = [10, 100]  # label fractions
_methods = dict(dino="DINO", selfpatch="SelfPatch", simsiam="SimSiam")
_camvid = dict(data="CamVid", base="configs/segmentation/semantic_fpn_vit_ti_camvid.py")
_frozen = dict(model=dict(backbone=dict(frozen_stages=6, drop_path_rate=0.0)))
_tasks = dict(
    camvid=_camvid,
    camvid_frozen=dict(_camvid, changes=_frozen),
    bccd=dict(data="BCCD", base="configs/detection/faster_rcnn_vit_ti_bccd.py"),
    bccd_cascade_rpn=dict(
        data="BCCD", base="configs/detection/faster_rcnn_cascade_rpn_vit_ti_bccd.py"
    ),
)


def _rows(task, percent):
    share = dict(_tasks[task], group=task, percent=percent)
    amount = "all labels" if percent == 100 else f"{percent} % of the labels"
    random = f"{task}_random_{percent}"
    return [
        dict(name=random, label=f"Random weights, {amount}", **share),
        *(
            dict(
                name=f"{task}_{method}_{percent}",
                label=f"{title}, {amount}",
                after=method,
                against=random,
                **share,
            )
            for method, title in _methods.items()
        ),
    ]


name = "selfpatch_study"
slug = "selfpatch"
task = "transfer"
seeds = [0, 1, 2]
data = [dict(name="natural1k"), dict(name="camvid"), dict(name="bccd")]
before = [
    dict(name=method, config=f"configs/selfpatch/{method}_vit_ti_unlabelled.py")
    for method in _methods
]
variants = [row for one in tasks for percent in percents for row in _rows(one, percent)]
metrics = [
    dict(metric="mIoU", label="mIoU", scale=1, optional=True),
    dict(metric="coco/bbox_mAP", label="box AP", scale=100, optional=True),
    dict(metric="coco/bbox_mAP_50", label="AP50", scale=100, optional=True),
]

expected = []
