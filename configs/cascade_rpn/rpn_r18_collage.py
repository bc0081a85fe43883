"""RPN of MMDetection on Collage (generated images): the baseline of the studies.

Paper: Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144, reduced for two cores.
Command: mmdense train configs/cascade_rpn/rpn_r18_collage.py
Machine: two CPU cores, 2 minutes.
Expected: the row "RPN" of the study configs/cascade_rpn/study_proposals_collage.py.
Vary: max_epochs, the learning rate, the width of the model.
"""

_base_ = [
    "../_base_/models/rpn_r18_w32_fpn64.py",
    "../_base_/datasets/collage_detection.py",
    "../_base_/schedules/adamw.py",
    "../_base_/runtime_detection.py",
]

train_dataloader = dict(batch_size=8)
max_epochs = 4
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=max_epochs)
val_evaluator = dict(
    _delete_=True,
    type="mmdense.ProposalRecall",
    ann_file=_base_.data_root + "annotations/instances_val.json",
)
test_evaluator = dict(val_evaluator, ann_file=_base_.data_root + "annotations/instances_test.json")

expected = []
