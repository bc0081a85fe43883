# COCO 2017 with boxes, as MMDetection's own.
# Link the folder first: python tools/prepare_data.py coco --source FOLDER
_base_ = "mmdet::_base_/datasets/coco_detection.py"
