"""Inputs of a model: batches of the data loader of a config after its data preprocessor.

Letters: B images of a batch, N objects of an image, H and W of its network input.
"""

from __future__ import annotations

import colorsys
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner, set_random_seed
from torch import Tensor, nn

from mmdense.data.pipelines import gives_bgr, transforms_of
from mmdense.data.views.multi_view_preprocessor import MultiViewPreprocessor
from mmdense.visual.chosen_images import as_rgb


@dataclass(frozen=True)
class ClassList:
    """Names and colours of classes by number, also for classes without a name.

    Attributes:
        names: Names of the classes, from 0 on.
        palette: Colours of the classes, from 0 on. RGB, uint8
        ignore_index: Value in a segmentation map that the loss ignores.
    """

    names: tuple[str, ...] = ()
    palette: tuple[tuple[int, ...], ...] = ()
    ignore_index: int = 255

    def name(self, number: int) -> str:
        """Return the name of a class."""
        return self.names[number] if number < len(self.names) else f"class {number}"

    def colour(self, number: int) -> tuple[int, int, int]:
        """Return the colour of the data set, else a hue from the golden ratio, RGB, uint8."""
        if number < len(self.palette):
            red, green, blue = self.palette[number]
        else:
            light = (0.95, 0.75)[number % 2]
            hue = number * 0.618034 % 1
            red, green, blue = (round(255 * x) for x in colorsys.hsv_to_rgb(hue, 0.75, light))
        return int(red), int(green), int(blue)


@dataclass
class ModelInput:
    """One image as the model gets it, with its ground truth in pixels of that image.

    Attributes:
        views: One view, or several for self-supervised training, without normalisation. RGB,
            uint8. Each [H, W, 3]
        path: Path of the file; empty if the data set does not provide it.
        scores: Weight of each class in the label of the image, 1 unless images are mixed.
        boxes: x1, y1, x2, y2. [N, 4]
        labels: Class of each box. [N]
        ignored: Boxes that the loss ignores. [M, 4]
        masks: Mask of each object. bool [N, H, W]
        semantic: Class of each pixel. [H, W]
    """

    views: list[np.ndarray]
    path: str = ""
    scores: dict[int, float] = field(default_factory=dict)
    boxes: np.ndarray | None = None
    labels: np.ndarray | None = None
    ignored: np.ndarray | None = None
    masks: np.ndarray | None = None
    semantic: np.ndarray | None = None


def read_inputs(cfg: Config, split: str, count: int) -> tuple[list[ModelInput], ClassList, int]:
    """Return the first images that a run would pass to the model in one split.

    Loader, sampler and seed are those of the runner, without worker processes. So the images are
    the same as in a run, but random transforms differ. The model is not built.

    Args:
        cfg: Config of MMPretrain, MMDetection or MMSegmentation.
        split: ``train``, ``val`` or ``test``.
        count: Maximum number of images.

    Returns:
        Images, their classes, and the number of images of the split.

    Raises:
        ValueError: The config has no such loader or no data preprocessor, ``count`` is below 1, the
            loader yields no batch, or the preprocessor does not return images.
    """
    if count < 1:
        raise ValueError(f"count must be at least 1, got {count}")
    loader_cfg = cfg.get(f"{split}_dataloader")
    if not loader_cfg:
        raise ValueError(f"{cfg.filename} has no {split}_dataloader")
    init_default_scope(cfg.get("default_scope", "mmengine"))
    seed = cfg.get("randomness", {}).get("seed") or 0
    set_random_seed(seed)
    preprocess = _build_preprocessor(cfg)
    single = {**loader_cfg, "num_workers": 0, "persistent_workers": False}
    for key in ("prefetch_factor", "timeout"):  # need workers
        single.pop(key, None)
    loader = Runner.build_dataloader(single, seed=seed)
    meta = getattr(loader.dataset, "metainfo", None) or {}
    classes = ClassList(
        names=tuple(meta.get("classes") or ()),
        palette=_palette(meta.get("palette")),
        ignore_index=getattr(loader.dataset, "ignore_index", 255),
    )
    flip = not _ends_rgb(preprocess, loader_cfg.dataset)
    original = _annotates_after_resize(loader_cfg.dataset)
    found: list[ModelInput] = []
    for batch in loader:
        with torch.no_grad():
            data = preprocess(batch, training=split == "train")
        found += _images(data, preprocess, flip, original)
        if len(found) >= count:
            break
    if not found:
        raise ValueError(
            f"{split}_dataloader of {cfg.filename} yields no batch: {len(loader.dataset)} images, "
            f"batch_size={single.get('batch_size')}, drop_last={single.get('drop_last', False)}"
        )
    return found[:count], classes, len(loader.dataset)


def denormalise(inputs: Tensor, preprocess: nn.Module, view: int = 0) -> Tensor:
    """Undo the normalisation of a data preprocessor.

    Args:
        inputs: Output of the preprocessor. [B, C, H, W]
        preprocess: Data preprocessor; has buffers ``mean`` and ``std`` if it normalises.
        view: Index of the view; MMPretrain's ``TwoNormDataPreprocessor`` has a second mean.

    Returns:
        Whole numbers from 0 to 255. uint8 [B, C, H, W]
    """
    prefix = "second_" if view == 1 and hasattr(preprocess, "second_mean") else ""
    mean = getattr(preprocess, f"{prefix}mean", None)
    if isinstance(mean, Tensor):
        inputs = inputs * getattr(preprocess, f"{prefix}std") + mean
        if isinstance(preprocess, MultiViewPreprocessor):  # its pixels are from 0 to 1
            inputs = inputs * 255
    return inputs.round().clamp(0, 255).to(torch.uint8)


def _build_preprocessor(cfg: Config) -> nn.Module:
    """Return the data preprocessor that the runner and the model would build."""
    model = cfg.get("model") or {}
    own = model.get("data_preprocessor") or cfg.get("data_preprocessor")
    if own is None:
        raise ValueError(
            f"{cfg.filename} has neither data_preprocessor nor model.data_preprocessor"
        )
    own = dict(own)
    with MODELS.switch_scope_and_registry(None) as registry:
        kind = registry.get(model["type"]) if "type" in model else None
    if "BaseSelfSupervisor" in {parent.__name__ for parent in getattr(kind, "__mro__", ())}:
        own.setdefault("type", "mmpretrain.SelfSupDataPreprocessor")
    own.setdefault("type", "mmpretrain.ClsDataPreprocessor")
    if own["type"].endswith("ClsDataPreprocessor"):  # as MMPretrain's ImageClassifier does
        own.setdefault("batch_augments", model.get("train_cfg"))
    return MODELS.build(own).eval()


def _palette(given: Any) -> tuple[tuple[int, ...], ...]:
    """Return the colours of the data set; MMDetection also allows 'random' and None."""
    if not isinstance(given, Sequence) or isinstance(given, str):
        return ()
    return tuple(tuple(colour) for colour in given)


def _ends_rgb(preprocess: nn.Module, dataset: Any) -> bool:
    """Return whether the input channels of the model are RGB."""
    swaps = getattr(preprocess, "_channel_conversion", getattr(preprocess, "to_rgb", False))
    return gives_bgr(dataset) == bool(swaps)


def _annotates_after_resize(dataset: Any) -> bool:
    """Return whether boxes are in pixels of the file, as in pipelines for evaluation."""
    for names in transforms_of(dataset):
        for first, second in itertools.combinations(names, 2):
            if "Resize" in first and second.startswith("LoadAnnotations"):
                return True
    return False


def _images(data: dict, preprocess: nn.Module, flip: bool, original: bool) -> Iterator[ModelInput]:
    """Yield the images of a batch."""
    views = data["inputs"]
    views = [views] if isinstance(views, Tensor) else views
    if not isinstance(views, list | tuple) or not all(
        isinstance(view, Tensor) and view.ndim == 4 for view in views
    ):
        raise ValueError(
            f"{type(preprocess).__name__} returns {type(data['inputs']).__name__}; "
            "expected images [B, C, H, W], or a list of them"
        )
    images = [
        as_rgb(denormalise(view, preprocess, number), flip) for number, view in enumerate(views)
    ]
    samples = data.get("data_samples") or [None] * len(images[0])
    for number, sample in enumerate(samples):
        image = ModelInput([view[number] for view in images])
        if sample is not None:
            image.path = str(sample.get("img_path") or "")
            _add_labels(image, sample)
            _add_objects(image, sample, original)
            _add_semantic(image, sample)
        yield image


def _add_labels(image: ModelInput, sample: Any) -> None:
    if "gt_score" in sample:
        scores = sample.gt_score.tolist()
        image.scores = {number: score for number, score in enumerate(scores) if score > 0}
    elif "gt_label" in sample:
        image.scores = {int(number): 1.0 for number in sample.gt_label.reshape(-1)}


def _add_objects(image: ModelInput, sample: Any, original: bool) -> None:
    truth = sample.get("gt_instances")
    if truth is None or "bboxes" not in truth:
        return
    scale = np.ones(4)
    if original and sample.get("scale_factor") is not None:
        scale = np.tile(np.asarray(sample.scale_factor, dtype=float)[:2], 2)  # of x, y, x, y
    image.boxes = _boxes(truth) * scale
    image.labels = truth.labels.cpu().numpy()
    left_out = sample.get("ignored_instances")
    if left_out is not None and "bboxes" in left_out:
        image.ignored = _boxes(left_out) * scale
    if "masks" in truth and len(truth.masks):
        masks = truth.masks.resize(sample.img_shape[:2]) if original else truth.masks
        bitmaps = masks.to_ndarray().astype(bool)
        image.masks = np.stack([_fit(mask, image, False) for mask in bitmaps])


def _boxes(instances: Any) -> np.ndarray:
    boxes = instances.bboxes
    return getattr(boxes, "tensor", boxes).cpu().numpy().reshape(-1, 4)


def _add_semantic(image: ModelInput, sample: Any) -> None:
    truth = sample.get("gt_sem_seg")
    if truth is None:
        return
    data = truth.get("data") if "data" in truth else truth.sem_seg
    classes = data.squeeze(0).cpu().numpy()  # [H, W]
    height, width = sample.img_shape[:2]
    if classes.shape != image.views[0].shape[:2] and classes.shape != (height, width):
        # The map has the size of the file, as in pipelines for evaluation.
        classes = cv2.resize(
            classes.astype(np.int32), (width, height), interpolation=cv2.INTER_NEAREST
        )
    image.semantic = _fit(classes, image, 255)


def _fit(plane: np.ndarray, image: ModelInput, padding: int | bool) -> np.ndarray:
    """Pad a plane [H, W] to the size of the image, on the right and below."""
    height, width = image.views[0].shape[:2]
    plane = plane[:height, :width]
    gaps = [(0, height - plane.shape[0]), (0, width - plane.shape[1])]
    return np.pad(plane, gaps, constant_values=padding)
