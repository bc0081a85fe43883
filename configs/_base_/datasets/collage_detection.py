# Collage (generated images), boxes in COCO format; pipelines and loaders as for BCCD.
# Generate it first: mmdense make_collage --size small
_base_ = ["bccd_detection.py", "../collage_classes.py"]

data_root = "data/collage/small/"
metainfo = _base_.collage
scale = (192, 144)  # width, height; 3/4 of the size of the images, for two cores

_base_.train_pipeline[2].scale = scale
_base_.train_pipeline[3] = dict(type="mmdet.RandomFlip", prob=0.5)
_base_.test_pipeline[1].scale = scale


def _loader(split, pipeline):
    ann_file = f"annotations/instances_{split}.json"
    dataset = dict(data_root=data_root, ann_file=ann_file, metainfo=metainfo, pipeline=pipeline)
    return dict(batch_size=8, dataset=dataset)


train_dataloader = _loader("train", _base_.train_pipeline)
val_dataloader = _loader("val", _base_.test_pipeline)
test_dataloader = _loader("test", _base_.test_pipeline)
# "proposal" adds the class-agnostic average recall, AR@100.
_metric = ["bbox", "proposal"]
val_evaluator = dict(ann_file=data_root + "annotations/instances_val.json", metric=_metric)
test_evaluator = dict(ann_file=data_root + "annotations/instances_test.json", metric=_metric)
