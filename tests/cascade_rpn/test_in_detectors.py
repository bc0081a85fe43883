"""The head in detectors: published weights, test-time augmentation, two processes."""

import pytest
import torch
import torch.distributed as dist
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_flip
from mmdet.utils import register_all_modules
from mmengine.config import Config, ConfigDict
from mmengine.structures import InstanceData
from torch._dynamo.testing import CompileCounter
from torch.nn.parallel import DistributedDataParallel

from tests.cascade_rpn.small_head import (
    IOU,
    REGION,
    ROOT,
    build_head,
    detector_config,
    features,
    samples,
)
from tests.two_processes import in_two_processes

HEIGHT, WIDTH = 64, 96


def small(model):
    register_all_modules(init_default_scope=True)
    torch.manual_seed(0)
    detector = MODELS.build(detector_config(model))
    detector.init_weights()
    return detector


def batch(count=2):
    made = []
    for _ in range(count):
        shape = (HEIGHT, WIDTH)
        one = DetDataSample(
            metainfo={"img_shape": shape, "ori_shape": shape, "scale_factor": (1.0, 1.0)}
        )
        one.gt_instances = InstanceData(
            bboxes=torch.tensor([[8.0, 8, 40, 40]]), labels=torch.tensor([1])
        )
        made.append(one)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, HEIGHT, WIDTH), generator=generator)
    return {"inputs": list(images.to(torch.uint8)), "data_samples": made}


# Of MMDetection's checkpoints 7aa93cef (proposals) and c8283cca (Faster R-CNN).
PUBLISHED = {
    "rpn_head.stages.0.rpn_conv.conv.weight": (256, 256, 3, 3),
    "rpn_head.stages.0.rpn_conv.conv.bias": (256,),
    "rpn_head.stages.0.rpn_reg.weight": (4, 256, 1, 1),
    "rpn_head.stages.0.rpn_reg.bias": (4,),
    "rpn_head.stages.1.rpn_conv.conv.weight": (256, 256, 3, 3),
    "rpn_head.stages.1.rpn_cls.weight": (1, 256, 1, 1),
    "rpn_head.stages.1.rpn_cls.bias": (1,),
    "rpn_head.stages.1.rpn_reg.weight": (4, 256, 1, 1),
    "rpn_head.stages.1.rpn_reg.bias": (4,),
}


def without_memory(config):
    """The model of a config at its full size, its weights without numbers."""
    cfg = Config.fromfile(config)
    cfg.model.backbone.init_cfg = None
    register_all_modules(init_default_scope=True)
    with torch.device("meta"):
        return MODELS.build(cfg.model)


def shapes(model):
    return {name: tuple(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize(
    ("model", "own"), [("faster_rcnn", "rpn_head."), ("cascade_rpn", "bbox_head.")]
)
def test_published_weights_fit_the_detector_and_the_proposal_model(model, own):
    """Both checkpoints have ``rpn_head``; MMDetection's RPN calls its head ``bbox_head``."""
    detector = without_memory(ROOT / f"configs/cascade_rpn/{model}_r50_caffe_fpn_1x_coco.py")
    found = {name.replace(own, "rpn_head.", 1): shape for name, shape in shapes(detector).items()}
    of_head = {name: shape for name, shape in found.items() if name.startswith("rpn_head.")}
    assert of_head == PUBLISHED
    half = {name: torch.tensor(0.5).expand(shape) for name, shape in found.items()}
    detector.load_state_dict(half, assign=True)  # the names of the proposal model are converted
    assert all((value == 0.5).all() for value in getattr(detector, own[:-1]).state_dict().values())


def test_every_weight_of_the_detector_has_the_name_and_shape_of_mmdetection(tmp_path):
    theirs = tmp_path / "theirs.py"
    theirs.write_text(
        "_base_ = 'mmdet::cascade_rpn/cascade-rpn_faster-rcnn_r50-caffe_fpn_1x_coco.py'\n"
    )
    ours = without_memory(ROOT / "configs/cascade_rpn/faster_rcnn_r50_caffe_fpn_1x_coco.py")
    assert shapes(ours) == shapes(without_memory(theirs))


def test_test_time_augmentation_merges_the_views():
    from mmdet.models import DetTTAModel

    detector = small("faster_rcnn").eval()
    tta = DetTTAModel(
        tta_cfg=ConfigDict(nms={"type": "nms", "iou_threshold": 0.5}, max_per_img=20),
        module=detector,
    )
    plain, flipped = batch(1), batch(1)
    flipped["inputs"] = [image.flip(-1) for image in flipped["inputs"]]
    for data, flip in ((plain, False), (flipped, True)):
        data["data_samples"][0].set_metainfo({"flip": flip, "flip_direction": "horizontal"})
    views = {
        "inputs": [plain["inputs"], flipped["inputs"]],
        "data_samples": [plain["data_samples"], flipped["data_samples"]],
    }
    with torch.no_grad():
        alone = [detector.test_step(data)[0].pred_instances for data in (plain, flipped)]
        found = tta.test_step(views)
    assert len(found) == 1
    boxes = found[0].pred_instances.bboxes
    back = bbox_flip(alone[1].bboxes, (HEIGHT, WIDTH), "horizontal")
    near = [torch.cdist(boxes, one).amin(1) < 0.05 for one in (alone[0].bboxes, back)]
    assert all(one.any() for one in near)  # both views
    assert (near[0] | near[1]).all()  # and nothing else


def test_a_proposal_model_learns_by_one_compiled_graph():
    detector, runs, graphs = small("rpn"), [], CompileCounter()
    data = detector.data_preprocessor(batch(), training=True)
    torch.compiler.reset()
    head = detector.bbox_head
    for compiled in (False, True):
        if compiled:  # what all methods of the head share
            head._walk = torch.compile(head._walk, backend=graphs, fullgraph=True)
        detector.zero_grad()
        torch.manual_seed(0)  # of the sampler
        losses = detector.loss(data["inputs"], data["data_samples"])
        sum(losses.values()).backward()
        gradients = {name: p.grad for name, p in detector.bbox_head.named_parameters()}
        runs.append((losses, gradients))
    assert graphs.frame_count == 1
    torch.testing.assert_close(*runs)


class Losses(torch.nn.Module):
    """DDP needs the losses from ``forward``."""

    def __init__(self, head):
        super().__init__()
        self.head = head

    def forward(self, maps, data):
        return self.head.loss(maps, data)


def losses_and_gradients():
    """Of a small head on two images; each of two processes has one of them."""
    every = {"assigner": IOU["assigner"]}  # without a sampler, whose draws differ
    model = Losses(build_head(train_cfg=[REGION, every]))
    given, group = (features(), samples()), dist.is_initialized()
    if group:
        own = slice(dist.get_rank(), dist.get_rank() + 1)
        given = [level[own] for level in given[0]], given[1][own]
    trained = DistributedDataParallel(model) if group else model
    losses = trained(*given)
    sum(losses.values()).backward()
    losses = {name: value.detach() for name, value in losses.items()}
    if group:
        for value in losses.values():
            dist.all_reduce(value)
            value.div_(2)
    return losses, {name: weight.grad for name, weight in model.named_parameters()}


def test_two_processes_equal_one(tmp_path):
    two, _ = in_two_processes(losses_and_gradients, tmp_path)
    torch.testing.assert_close(two, losses_and_gradients(), rtol=1e-4, atol=1e-6)
