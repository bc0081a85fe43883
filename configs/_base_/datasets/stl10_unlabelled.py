# STL-10, 96x96: its 100,000 images without labels, for pretraining with batched views.
# Make the folder first: python tools/prepare_data.py stl10 --source FOLDER_OR_ARCHIVE
_base_ = "stl10.py"

train_dataloader = dict(dataset=dict(split="unlabelled"))
