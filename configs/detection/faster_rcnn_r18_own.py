"""Faster R-CNN on your own images and COCO files: copy this file and change the first lines.

Paper: Faster R-CNN with FPN, arXiv:1506.01497 and arXiv:1612.03144, reduced for two cores.
Command: mmdense train configs/detection/faster_rcnn_r18_own.py --init CHECKPOINT
Machine: two CPU cores, five minutes for 80 training and 30 validation images.
Expected: depends on your data.
Vary: the first lines; for Cascade RPN, the base config ../cascade_rpn/faster_rcnn_r18_collage.py.
"""

_base_ = "./faster_rcnn_r18_bccd.py"

data_root = "data/own/"
classes = ("apple", "pear")  # names as in the COCO files, in the same order
train = dict(ann_file="train.json", data_prefix=dict(img="images/"))  # below data_root
val = dict(ann_file="val.json", data_prefix=dict(img="images/"))
scale = (512, 384)  # maximum width and height of an image
max_epochs = 12

model = dict(roi_head=dict(bbox_head=dict(num_classes=len(classes))))
_base_.train_pipeline[2].scale = scale
_base_.train_pipeline[3] = dict(type="mmdet.RandomFlip", prob=0.5)  # horizontal only
_base_.test_pipeline[1].scale = scale
_own = dict(data_root=data_root, metainfo=dict(_delete_=True, classes=classes))
train_dataloader = dict(dataset=dict(**_own, **train, pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(**_own, **val, pipeline=_base_.test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + val["ann_file"])
test_evaluator = val_evaluator
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)

expected = []
