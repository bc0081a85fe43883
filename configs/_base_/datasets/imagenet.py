# ImageNet (ILSVRC 2012), classification at 224x224, as MMPretrain's own, with the loader's settings
# that MMPretrain's train.py adds.
# Link the folder first: python tools/prepare_data.py imagenet --source FOLDER
_base_ = "mmpretrain::_base_/datasets/imagenet_bs32.py"

train_dataloader = dict(persistent_workers=True, collate_fn=dict(type="default_collate"))
val_dataloader = dict(persistent_workers=True, collate_fn=dict(type="default_collate"))
test_dataloader = dict(persistent_workers=True, collate_fn=dict(type="default_collate"))
