"""Training images without augmentation, in the size of a training view.

Letters: H and W of an image, h and w of a view.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.data.pipelines import draws_nothing

__all__ = ["clean_sample", "fit_to_view", "is_image", "without_augmentation"]


def fit_to_view(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the center crop of an image that is scaled to cover a view; bilinear, antialiased.

    Args:
        image: uint8 or float. [C, H, W]
        size: h and w, in pixels.

    Returns:
        The dtype of the image; the image itself if it has the size. [C, h, w]
    """
    if tuple(image.shape[-2:]) == size:
        return image
    (rows, columns), (h, w) = image.shape[-2:], size
    scale = max(h / rows, w / columns)
    covering = max(h, round(rows * scale)), max(w, round(columns * scale))
    scaled = F.interpolate(image[None].float(), covering, mode="bilinear", antialias=True)[0]
    top, left = (covering[0] - h) // 2, (covering[1] - w) // 2
    cut = scaled[:, top : top + h, left : left + w]  # [C, h, w]
    return cut if image.is_floating_point() else cut.round().clamp(0, 255).to(image.dtype)


def clean_sample(sample: dict, size: tuple[int, int], copies: int | None) -> dict:
    """Return a sample loaded :func:`without_augmentation` in the format of a training sample.

    Args:
        sample: With ``inputs``. [C, H, W]
        size: h and w of a view, in pixels.
        copies: Number of views if a training sample has a list of them; each is the same image.
    """
    inputs = sample["inputs"]
    view = fit_to_view(torch.as_tensor(inputs), size)
    return {**sample, "inputs": view if copies is None else [view] * copies}


def is_image(sample: Any) -> bool:
    """Return whether the ``inputs`` of a sample are one image."""
    return isinstance(sample, dict) and getattr(sample.get("inputs"), "ndim", 0) == 3


@contextmanager
def without_augmentation(dataset: Any) -> Iterator[None]:
    """Context in which a data set runs its transforms without random draws only.

    This includes data sets inside wrappers. Worker processes have copies that are not changed.
    """
    pipelines = list(_pipelines(dataset))
    whole = [pipeline.transforms for pipeline in pipelines]
    try:
        for pipeline in pipelines:
            pipeline.transforms = [
                one for one in pipeline.transforms if draws_nothing(type(one).__name__)
            ]
        yield
    finally:
        for pipeline, transforms in zip(pipelines, whole, strict=True):
            pipeline.transforms = transforms


def _pipelines(dataset: Any) -> Iterator[Any]:
    pipeline = getattr(dataset, "pipeline", None)
    if getattr(pipeline, "transforms", None):
        yield pipeline
    for inner in (getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())):
        if inner is not None:
            yield from _pipelines(inner)
