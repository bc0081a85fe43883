"""Cascade RPN heads and the RPN of MMDetection; assignment of the first stage.

256 channels, five levels, one image of 800x1344, 20 objects. Freed memory is kept for new tensors,
as in the tools of mmdense.
"""

import torch
from mmengine.config import Config, ConfigDict

from benchmarks.timing import compare, memory_result, peak_mib
from mmdense.machine import keep_freed_memory

HEIGHT, WIDTH, CHANNELS = 800, 1344, 256
STRIDES = (4, 8, 16, 32, 64)


HEADS = {  # name in configs/_base_/models/rpn_variants.py
    "Cascade RPN": "cascade_2",
    "Cascade RPN, one stage": "cascade_1",
    "Cascade RPN, three stages": "cascade_3",
    "Iterative RPN": "iterative",
    "Iterative RPN+": "iterative_plus",
}


def build_heads():
    """The RPN of MMDetection with three anchors, and each head of ``HEADS`` by name."""
    from mmdet.utils import register_all_modules

    import projects.cascade_rpn  # noqa: F401

    register_all_modules(init_default_scope=True)
    rpn = Config.fromfile("configs/cascade_rpn/rpn_r18_bccd.py").model
    variants = Config.fromfile("configs/_base_/models/rpn_variants.py").rpn_variants.alone
    ours = {
        label: build(model.rpn_head, model.train_cfg.rpn, 0.8)
        for label, name in HEADS.items()
        for model in [variants[name].changes.model]
    }
    return build(rpn.rpn_head, rpn.train_cfg.rpn, 0.7), ours


def build(config, train_cfg, iou):
    from mmdet.registry import MODELS

    options = {key: value for key, value in config.items() if key != "_delete_"}
    config = ConfigDict(options, train_cfg=train_cfg, test_cfg=test_cfg(iou))
    config.update(in_channels=CHANNELS, feat_channels=CHANNELS)
    torch.manual_seed(0)
    head = MODELS.build(config)
    head.init_weights()
    return head


def test_cfg(iou):
    nms = {"type": "nms", "iou_threshold": iou}
    return ConfigDict(nms_pre=2000, max_per_img=1000, nms=nms, min_bbox_size=0)


def random_boxes(count: int) -> torch.Tensor:
    """Objects of 16 to 400 px, log-uniform."""
    center = torch.rand(count, 2) * torch.tensor([WIDTH, HEIGHT])
    side = torch.exp(torch.rand(count, 2) * 3.2 + 2.8) / 2
    boxes = torch.cat((center - side, center + side), 1)
    return torch.minimum(boxes.clamp(min=0), torch.tensor([WIDTH, HEIGHT] * 2))


def one_image(count: int):
    from mmdet.structures import DetDataSample
    from mmengine.structures import InstanceData

    shape = (HEIGHT, WIDTH)
    sample = DetDataSample(
        metainfo={"img_shape": shape, "pad_shape": shape, "scale_factor": (1, 1)}
    )
    labels = torch.zeros(count, dtype=torch.long)
    sample.gt_instances = InstanceData(bboxes=random_boxes(count), labels=labels)
    return [sample]


def heads(threads: int) -> list[dict]:
    torch.manual_seed(0)
    other, ours = build_heads()
    maps = [torch.randn(1, CHANNELS, -(-HEIGHT // s), -(-WIDTH // s)) for s in STRIDES]
    sample = one_image(20)

    def step(head):
        leaves = [level.detach().requires_grad_() for level in maps]
        losses = head.loss(leaves, sample).values()
        sum(sum(x) if isinstance(x, list) else x for x in losses).backward()

    def predict(head):
        with torch.no_grad():
            head.predict(maps, sample)

    words = {
        "other_name": "MMDetection's RPN",
        "setting": f"256 channels, one image of 800x1344, 20 objects, {threads} threads",
    }
    results = []
    for name, run_it in (("training step", step), ("prediction", predict)):
        other_mib = peak_mib(lambda f=run_it: f(other))
        for label, head in ours.items():
            sides = (lambda f=run_it, h=head: f(h)), (lambda f=run_it: f(other))
            results.append(compare(f"{label}, {name}", *sides, rounds=4, **words))
            what = f"Memory of {label}, {name}"
            results.append(memory_result(what, sides[0], 0, other_mib=other_mib, **words))
    return results


def rule() -> dict:
    """Assignment of the first stage for 100 objects, with one thread."""
    from mmdet.registry import TASK_UTILS
    from mmengine.structures import InstanceData

    from projects.cascade_rpn.region_targets import Levels, region_targets

    sizes = [(-(-HEIGHT // s), -(-WIDTH // s)) for s in STRIDES]
    levels = Levels(sizes, [(s, s) for s in STRIDES], [8.0 * s for s in STRIDES])
    torch.manual_seed(0)
    boxes = random_boxes(100)
    image = torch.zeros(100, dtype=torch.long)
    assigner = TASK_UTILS.build({"type": "mmdet.RegionAssigner"})
    generator = TASK_UTILS.build(
        {"type": "mmdet.AnchorGenerator", "scales": [8], "ratios": [1.0], "strides": list(STRIDES)}
    )
    anchors = generator.grid_priors(sizes, device="cpu")
    numbers = [len(level) for level in anchors]
    anchors = torch.cat(anchors)
    priors = InstanceData(priors=anchors, valid_flags=torch.ones(len(anchors), dtype=torch.bool))
    gts = InstanceData(bboxes=boxes, labels=torch.zeros(100, dtype=torch.long))
    meta = {"img_shape": (HEIGHT, WIDTH), "pad_shape": (HEIGHT, WIDTH)}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return compare(
            "First-stage rule",
            lambda: region_targets(boxes, image, levels, num_images=1),
            lambda: assigner.assign(
                priors, gts, meta, sizes, numbers, 8, STRIDES, allowed_border=-1
            ),
            other_name="MMDetection's RegionAssigner",
            setting="100 objects, five levels of 800x1344, one thread",
        )
    finally:
        torch.set_num_threads(threads)


def run() -> list[dict]:
    keep_freed_memory()
    return [*heads(torch.get_num_threads()), rule()]
