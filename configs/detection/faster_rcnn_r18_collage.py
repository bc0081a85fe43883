"""Faster R-CNN on Collage (generated images).

Paper: Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_r18_collage.py --init CHECKPOINT
Machine: two CPU cores, 1 minute.
Expected: below, from the record of configs/pipelines/collage_demo.py.
Vary: without --init, weights are random; max_epochs, the learning rate, the width of the model.
"""

_base_ = [
    "../_base_/models/faster_rcnn_r18_w32_fpn64.py",
    "../_base_/datasets/collage_detection.py",
    "../_base_/schedules/adamw.py",
    "../_base_/runtime_detection.py",
]

# Fewer proposals than on real images: the images are small, and the demo has to be short.
model = dict(
    roi_head=dict(bbox_head=dict(num_classes=10)),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=300, max_per_img=150),
        rcnn=dict(sampler=dict(num=64)),
    ),
)
train_dataloader = dict(batch_size=8)
max_epochs = 2
optim_wrapper = dict(optimizer=dict(lr=1e-3))
train_cfg = dict(type="EpochBasedTrainLoop", max_epochs=max_epochs, val_interval=2)

_record = "pipelines/2026-11-22_collage_demo_monitored"
expected = [
    dict(record=_record, metric="detect_rpn/coco/bbox_mAP", value=0.001, tolerance=0.02),
]
