# Collage (generated images), 128x128 without labels, for pretraining.
# They look like the train split. The views of 64x64 are made on the batch.
# Generate it first: mmdense make_collage --size small
_base_ = "unlabelled_photos.py"

data_preprocessor = dict(common=dict(size=64))
pipeline = [
    dict(type="mmdense.LoadImage"),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(data_root="data/collage/small/unlabelled", pipeline=pipeline))
