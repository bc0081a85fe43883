# The 118,287 images of COCO train2017 without their labels, for pretraining with batched views.
# Link the folder first: mmdense prepare_data coco --source FOLDER
# Workers decode, at half the size where 448 pixels remain of the short side; the views are made on
# the batch, from whole images.
_base_ = "unlabelled_photos.py"

data_preprocessor = dict(common=dict(size=224), to_rgb=False)  # mmdense.PackImage gives RGB
pipeline = [
    dict(type="mmdense.LoadImage", short_side=448),
    dict(type="mmdense.PackImage"),
]
train_dataloader = dict(
    num_workers=8,
    collate_fn=dict(_delete_=True, type="mmdense.collate_images"),
    dataset=dict(data_root="data/coco/train2017", pipeline=pipeline),
)
