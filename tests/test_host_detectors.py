"""MMDetection's common detectors train a step and predict on the CPU, nothing compiled."""

import pytest
from mmengine.config import Config

from tests.small_training import predict, shrink, train_step

DETECTORS = [
    "faster_rcnn/faster-rcnn_r50_fpn_1x_coco",
    "mask_rcnn/mask-rcnn_r50_fpn_1x_coco",
    "retinanet/retinanet_r50_fpn_1x_coco",
    "fcos/fcos_r50-caffe_fpn_gn-head_1x_coco",
    "cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco",
]


@pytest.mark.parametrize("name", DETECTORS)
def test_trains_a_step_and_predicts(name, tmp_path):
    path = tmp_path / "config.py"
    path.write_text(f"_base_ = 'mmdet::{name}.py'\n")
    cfg = shrink(Config.fromfile(path))
    step = train_step(cfg)
    assert all(value.isfinite().all() for value in step.losses.values())
    learns = {key for key, weight in step.model.named_parameters() if weight.requires_grad}
    # Objects this small give some levels and stages no box to learn from.
    assert len(learns & step.still()) < 0.05 * len(learns)
    for found in predict(step.model, cfg):
        objects = found.pred_instances
        assert objects.bboxes.shape == (len(objects.scores), 4)
        assert len(objects) and int(objects.labels.max()) < 80
