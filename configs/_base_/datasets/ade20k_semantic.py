# ADE20K scene parsing, 150 classes, as MMSegmentation's own; it counts in iterations.
# Link the folder first: mmdense prepare_data ade20k --source FOLDER
_base_ = "mmseg::_base_/datasets/ade20k.py"

data_root = "data/ade20k"
train_dataloader = dict(dataset=dict(data_root=data_root))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
