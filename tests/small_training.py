"""Configs at a size at which they build and train a step in a fraction of a second."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS, DefaultScope
from mmengine.structures import InstanceData, PixelData
from torch import Tensor, nn

from mmdense.config.upstream_defaults import replace_sync_bn

ROOT = Path(__file__).resolve().parents[1]
SIZE = 64  # pixels
BATCH = 2
_EIGHTH = {256: 32, 512: 64, 1024: 128, 2048: 256}
_WIDTHS = {"deit-tiny": 192, "deit-small": 384, "dinov2-small": 384, "deit-base": 768}
_DEPTH = 4  # layers of a vision transformer
_HEADS = 2


class Step(NamedTuple):
    """One training step.

    Attributes:
        model: After the step.
        losses: As the log shows them.
        before: Weights and statistics before it.
        dtypes: Of the maps that the heads get.
    """

    model: nn.Module
    losses: dict[str, Tensor]
    before: dict[str, Tensor]
    dtypes: set[torch.dtype]

    def still(self) -> set[str]:
        """Names of weights and statistics that are as they were."""
        after = self.model.state_dict()
        return {name for name, value in self.before.items() if value.equal(after[name])}


def changed(base: Config, changes: Any) -> Config:
    """A copy of a config with the changes of a variant of a study."""
    cfg = copy.deepcopy(base)
    cfg.merge_from_dict(changes.to_dict())
    return cfg


def shrink(cfg: Config) -> Config:
    """A copy of a config for one CPU: nothing to download, few channels, layers and proposals.

    A width is replaced wherever the model has it, so that a config whose parts disagree fails.
    """
    cfg = copy.deepcopy(cfg)
    cfg.model.setdefault("data_preprocessor", cfg.get("data_preprocessor"))
    replace_sync_bn(cfg.model)
    cfg.model.pop("pretrained", None)
    backbone = cfg.model.backbone
    backbone.init_cfg = None
    if "zero_init_residual" in backbone or backbone.type.endswith("ResNet"):
        backbone.zero_init_residual = False  # a branch of zeros would not move in the first step
    if "norm_eval" in backbone:
        backbone.norm_eval = False  # the statistics of no training suit no random weights
    shared_head = cfg.model.get("roi_head", {}).get("shared_head")  # always of full width
    few = 4 if shared_head else 8
    if backbone.type.partition(".")[-1].startswith(("VisionTransformer", "ViTSAM")):
        named = isinstance(backbone.arch, str)
        width = _WIDTHS[backbone.arch] if named else backbone.arch.embed_dims
        narrow = 32 * _HEADS
        cfg.model = _replaced(cfg.model, {width: narrow, **_EIGHTH})
        sizes = dict(embed_dims=narrow, num_layers=_DEPTH, num_heads=_HEADS)
        backbone = cfg.model.backbone
        backbone.arch = dict(sizes, feedforward_channels=2 * narrow, global_attn_indexes=[3])
        backbone.update(img_size=SIZE, drop_path_rate=0.0)  # a layer dropped would not move
        if "frozen_stages" in backbone:
            backbone.frozen_stages = backbone.frozen_stages * _DEPTH // 12
        if "out_indices" in backbone:
            backbone.out_indices = tuple(range(_DEPTH))
    elif backbone.type.startswith("ResNet") and "base_channels" not in backbone and not shared_head:
        cfg.model = _replaced(cfg.model, _EIGHTH)
        cfg.model.backbone.update(stem_channels=8, base_channels=8)
    for part in _dicts(cfg.model):
        if "pad_size_divisor" in part:
            part.pad_size_divisor = min(part.pad_size_divisor, SIZE)
        if part.get("type") == "mmdense.MultiViewPreprocessor" and "size" in part.common:
            part.common.size = SIZE // 2
        elif part.get("type") == "mmdense.MultiViewPreprocessor":
            largest = max(group.size for group in part["views"])  # multi-crop
            for group in part["views"]:
                group.update(size=SIZE if group.size == largest else SIZE // 2)
        elif part.get("type") == "mmdense.ClassAttentionPool":
            part.heads = _HEADS
        elif part.get("type", "").endswith("SegDataPreProcessor") and part.get("size"):
            part.size = (SIZE, SIZE)
        if "max_per_img" in part:
            part.update(max_per_img=min(part.max_per_img, few))
        if "nms_pre" in part:
            part.nms_pre = 50
        if part.get("type", "").endswith("RandomSampler"):
            part.num = 256  # enough for anchors of every level of an RPN
        if "score_thr" in part:
            part.score_thr = -1.0  # what has learned nothing is sure of nothing
    for prototypes in ("prototypes", "patch_prototypes"):
        if prototypes in cfg.model:
            cfg.model[prototypes] = 16
    for part in _dicts(cfg.model.get("train_cfg", {}).get("rcnn", {})):
        if "sampler" in part:
            part.sampler.num = few
    if cfg.model.get("test_cfg", {}).get("mode") == "slide":
        cfg.model.test_cfg.update(crop_size=(SIZE, SIZE), stride=(SIZE, SIZE))
    return cfg


def make_batch(cfg: Config) -> dict[str, Any]:
    """Random images, with two objects each, a map of classes, or no labels."""
    shape = (SIZE, SIZE)
    images = torch.randint(0, 256, (BATCH, 3, *shape), dtype=torch.uint8)
    if cfg.default_scope == "mmpretrain":
        from mmpretrain.structures import DataSample

        samples = [DataSample(metainfo={"sample_idx": i}) for i in range(BATCH)]
        return {"inputs": images, "data_samples": samples}
    classes = min(
        (part.num_classes for part in _dicts(cfg.model) if "num_classes" in part), default=1
    )
    make_sample = _segments if cfg.default_scope == "mmseg" else _objects
    return {"inputs": list(images), "data_samples": [make_sample(classes) for _ in range(BATCH)]}


def train_step(cfg: Config, *, phase: str | None = None) -> Step:
    """Build the model of a config that was shrunk, and train one step.

    Args:
        cfg: Of :func:`shrink`.
        phase: The head of a ``PhasedHead`` that trains.
    """
    torch.manual_seed(0)
    dtypes: set[torch.dtype] = set()
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model)
        model.init_weights()
        if phase is not None:
            model.head.phase = phase
        optim_wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        last = model.neck if getattr(model, "with_neck", False) else model.backbone
        hook = last.register_forward_hook(
            lambda _, given, maps: dtypes.update(one.dtype for one in maps)
        )
        losses = model.train().train_step(make_batch(cfg), optim_wrapper)
        hook.remove()
    return Step(model, losses, before, dtypes)


@torch.no_grad()
def predict(model: nn.Module, cfg: Config) -> list[Any]:
    """What the model finds in two images."""
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        return model.eval().test_step(make_batch(cfg))


def _objects(classes: int) -> Any:
    from mmdet.structures import DetDataSample
    from mmdet.structures.mask import BitmapMasks

    boxes = torch.tensor([[4.0, 4, 40, 30], [20, 16, 62, 60]])
    masks = torch.zeros(len(boxes), SIZE, SIZE, dtype=torch.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1:x2] = 1
    sample = DetDataSample(metainfo=_metainfo())
    sample.gt_instances = InstanceData(
        bboxes=boxes,
        labels=torch.tensor([0, classes - 1]),
        masks=BitmapMasks(masks.numpy(), SIZE, SIZE),
    )
    sample.proposals = InstanceData(bboxes=torch.cat((boxes, boxes - 2)), scores=torch.rand(4))
    return sample


def _segments(classes: int) -> Any:
    from mmseg.structures import SegDataSample

    labels = PixelData(data=torch.randint(0, classes, (1, SIZE, SIZE)))
    return SegDataSample(metainfo=_metainfo(), gt_sem_seg=labels)


def _metainfo() -> dict[str, Any]:
    shape = (SIZE, SIZE)
    return dict(img_shape=shape, ori_shape=shape, pad_shape=shape, scale_factor=(1.0, 1.0))


def _dicts(node: Any) -> Iterator[Any]:
    if isinstance(node, list | tuple):
        for entry in node:
            yield from _dicts(entry)
    elif isinstance(node, dict):
        yield node
        for value in list(node.values()):
            yield from _dicts(value)


def _replaced(node: Any, numbers: dict[int, int]) -> Any:
    """A node of a config with other numbers."""
    if isinstance(node, dict):
        return type(node)({key: _replaced(value, numbers) for key, value in node.items()})
    if isinstance(node, list | tuple):
        return type(node)(_replaced(value, numbers) for value in node)
    return numbers.get(node, node) if type(node) is int else node
