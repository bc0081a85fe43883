"""MMDetection's common detectors train a step and predict on the CPU, nothing compiled."""

import pytest
import torch
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.structures import InstanceData

HEIGHT, WIDTH, CLASSES = 128, 160, 3
DETECTORS = {
    "faster_rcnn": "mmdet::faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py",
    "mask_rcnn": "mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py",
    "retinanet": "mmdet::retinanet/retinanet_r50_fpn_1x_coco.py",
    "fcos": "mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py",
    "cascade_rcnn": "mmdet::cascade_rcnn/cascade-rcnn_r50_fpn_1x_coco.py",
}


def build(name: str, folder) -> torch.nn.Module:
    path = folder / f"{name}.py"
    path.write_text(f"_base_ = {DETECTORS[name]!r}\n")
    model = Config.fromfile(path).model
    model.backbone.update(depth=18, init_cfg=None)
    model.neck.in_channels = [64, 128, 256, 512]
    set_classes(model)
    torch.manual_seed(0)
    detector = MODELS.build(model)
    detector.init_weights()
    return detector


def set_classes(node) -> None:
    if isinstance(node, dict):
        if "num_classes" in node:
            node["num_classes"] = CLASSES
        for child in node.values():
            set_classes(child)
    elif isinstance(node, list):
        for child in node:
            set_classes(child)


def batch() -> dict:
    samples = []
    for boxes in ([[10.0, 10, 60, 70], [80, 40, 150, 120]], [[5.0, 30, 100, 110]]):
        truth = InstanceData(bboxes=torch.tensor(boxes), labels=torch.arange(len(boxes)))
        masks = torch.zeros(len(boxes), HEIGHT, WIDTH, dtype=torch.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, boxes):
            mask[int(y1) : int(y2), int(x1) : int(x2)] = 1
        truth.masks = BitmapMasks(masks.numpy(), HEIGHT, WIDTH)
        shape = (HEIGHT, WIDTH)
        sample = DetDataSample(
            metainfo={"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        )
        sample.gt_instances = truth
        samples.append(sample)
    images = torch.randint(
        0, 256, (2, 3, HEIGHT, WIDTH), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    return {"inputs": list(images), "data_samples": samples}


@pytest.mark.parametrize("name", DETECTORS)
def test_trains_a_step_and_predicts(name, tmp_path):
    register_all_modules(init_default_scope=True)
    detector = build(name, tmp_path).train()
    data = detector.data_preprocessor(batch(), training=True)
    losses = detector(**data, mode="loss")
    loss, _ = detector.parse_losses(losses)
    assert torch.isfinite(loss)
    loss.backward()
    without = [n for n, p in detector.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []
    assert all(p.grad.isfinite().all() for p in detector.parameters() if p.grad is not None)

    detector.eval()
    with torch.no_grad():
        predictions = detector(**detector.data_preprocessor(batch()), mode="predict")
    assert len(predictions) == 2
    for prediction in predictions:
        found = prediction.pred_instances
        assert found.bboxes.shape == (len(found.scores), 4)
        assert found.labels.numel() == 0 or int(found.labels.max()) < CLASSES
