"""Fast R-CNN on COCO, on proposals of Cascade RPN from files.

Paper: Cascade RPN, arXiv:1909.06720.
Command: mmdense train configs/cascade_rpn/fast_rcnn_r50_caffe_fpn_1x_coco.py
Machine: 8 GPUs with 2 images each, as published; no time is published. Not run here.
Expected: below, from the table of the paper (300 proposals, COCO test-dev).
Vary: num_max_proposals; with another data_root, write the proposals there.

Write the proposals first. P is configs/cascade_rpn/cascade_rpn_r50_caffe_fpn_1x_coco.py; the files
are in data_root, where MMDetection looks for proposal_file:
    mmdense dump_proposals P CHECKPOINT --split train --max 300 \\
        --out data/coco/proposals/cascade_rpn_train2017.pkl
    mmdense dump_proposals P CHECKPOINT --split val --max 300 \\
        --out data/coco/proposals/cascade_rpn_val2017.pkl
"""

_base_ = [
    "mmdet::fast_rcnn/fast-rcnn_r50-caffe_fpn_1x_coco.py",
    "../_base_/models/rcnn_on_cascade_rpn.py",
]
custom_imports = dict(imports=["mmdense", "projects.cascade_rpn"], allow_failed_imports=False)

_published = _base_.rcnn_on_cascade_rpn
model = dict(
    roi_head=_published.roi_head,
    train_cfg=dict(rcnn=_published.train_cfg.rcnn),
    test_cfg=dict(rcnn=_published.test_cfg.rcnn),
)
# 300 proposals in each image, as in the code of the paper; MMDetection's config has no limit.
_base_.train_pipeline[1].num_max_proposals = 300
_base_.test_pipeline[1].num_max_proposals = 300
train_dataloader = dict(
    dataset=dict(
        proposal_file="proposals/cascade_rpn_train2017.pkl", pipeline=_base_.train_pipeline
    )
)
val_dataloader = dict(
    dataset=dict(proposal_file="proposals/cascade_rpn_val2017.pkl", pipeline=_base_.test_pipeline)
)
test_dataloader = val_dataloader
optim_wrapper = dict(clip_grad=dict(max_norm=35, norm_type=2))

_paper = "NeurIPS 2019 poster, test-dev"
expected = [
    dict(paper=_paper, metric="coco/bbox_mAP", value=0.401, tolerance=0.01),
    dict(paper=_paper, metric="coco/bbox_mAP_75", value=0.438, tolerance=0.01),
]
