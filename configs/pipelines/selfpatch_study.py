"""Transfer of a self-supervised ViT to CamVid and BCCD with 10 % and 100 % of the labels.

Paper: DINO, arXiv:2104.14294; SelfPatch, arXiv:2206.07990; SimSiam, arXiv:2011.10566; Semantic FPN,
    arXiv:1901.02446; Faster R-CNN, arXiv:1506.01497.
Command: mmdense study configs/pipelines/selfpatch_study.py --source FOLDER
Machine: two CPU cores; not measured yet. Each of the three seeds pretrains three times.
Expected: no score yet.
Vary: seeds; --variants NAME... trains only these.
"""

_methods = dict(dino="DINO", selfpatch="SelfPatch", simsiam="SimSiam")
_tasks = dict(
    camvid=("CamVid", "configs/segmentation/semantic_fpn_vit_ti_camvid.py"),
    bccd=("BCCD", "configs/detection/faster_rcnn_vit_ti_bccd.py"),
)
_labels = {10: "10 % of the labels", 100: "all labels"}


def _rows(task, percent):
    data, base = _tasks[task]
    share = dict(group=task, percent=percent, data=data, base=base)
    random = f"{task}_random_{percent}"
    return [
        dict(name=random, label=f"Random weights, {_labels[percent]}", **share),
        *(
            dict(
                name=f"{task}_{method}_{percent}",
                label=f"{title}, {_labels[percent]}",
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
variants = [row for task_name in _tasks for percent in _labels for row in _rows(task_name, percent)]
metrics = [
    dict(metric="mIoU", label="mIoU", scale=1, optional=True),
    dict(metric="coco/bbox_mAP", label="box AP", scale=100, optional=True),
    dict(metric="coco/bbox_mAP_50", label="AP50", scale=100, optional=True),
]

expected = []
