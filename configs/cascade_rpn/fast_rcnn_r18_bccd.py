"""Fast R-CNN on BCCD blood cells, on proposals of Cascade RPN from files.

Paper: Fast R-CNN, arXiv:1504.08083; Cascade RPN, arXiv:1909.06720, reduced for two cores.
Command: mmdense train configs/cascade_rpn/fast_rcnn_r18_bccd.py
Machine: two CPU cores; not measured.
Expected: no score. It was not trained to the end.
Vary: the proposals, by another config or stage of tools/dump_proposals.py; num_max_proposals.

Write the proposals first. P is configs/cascade_rpn/cascade_rpn_r18_bccd.py or another proposal
model on BCCD; the files are in data_root, where MMDetection looks for proposal_file. For each SPLIT
of train, val and test:
    mmdense dump_proposals P CHECKPOINT --split SPLIT --max 300 \\
        --out data/bccd/proposals/cascade_rpn_SPLIT.pkl
"""

_base_ = "../detection/faster_rcnn_r18_bccd.py"

_faster = _base_.model
model = dict(
    _delete_=True,
    type="mmdet.FastRCNN",
    data_preprocessor=_faster.data_preprocessor,
    backbone=_faster.backbone,
    neck=_faster.neck,
    roi_head=_faster.roi_head,
    train_cfg=dict(rcnn=_faster.train_cfg.rcnn),
    test_cfg=dict(rcnn=_faster.test_cfg.rcnn),
)

_proposals = dict(type="mmdet.LoadProposals", num_max_proposals=300)
# Transforms of the boxes also transform the proposals, with the same random values.
_load, _annotations, *_moves, _pack = _base_.train_pipeline
train_pipeline = [
    _load,
    _proposals,
    _annotations,
    dict(type="mmdet.ProposalBroadcaster", transforms=_moves),
    _pack,
]
_load, _resize, *_others = _base_.test_pipeline
test_pipeline = [
    _load,
    _proposals,
    dict(type="mmdet.ProposalBroadcaster", transforms=[_resize]),
    *_others,
]
train_dataloader = dict(
    dataset=dict(proposal_file="proposals/cascade_rpn_train.pkl", pipeline=train_pipeline)
)
val_dataloader = dict(
    dataset=dict(proposal_file="proposals/cascade_rpn_val.pkl", pipeline=test_pipeline)
)
test_dataloader = dict(
    dataset=dict(proposal_file="proposals/cascade_rpn_test.pkl", pipeline=test_pipeline)
)

expected = []
