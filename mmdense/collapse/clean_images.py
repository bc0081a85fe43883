"""Training images without their augmentation, as one plain view of the size that training takes.

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
    """The centre of an image, scaled so that it just covers a view; bilinear, antialiased.

    Args:
        image: uint8, or floats. [C, H, W]
        size: h and w, in pixels.

    Returns:
        In the type of the image; itself where it has the size. [C, h, w]
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
    """A sample that was loaded :func:`without_augmentation`, in the form of a training sample.

    Args:
        sample: With ``inputs``. [C, H, W]
        size: h and w of a view, in pixels.
        copies: Views in a training sample, where these are a list: the plain view stands in each
            place.
    """
    inputs = sample["inputs"]
    view = fit_to_view(torch.as_tensor(inputs), size)
    return {**sample, "inputs": view if copies is None else [view] * copies}


def is_image(sample: Any) -> bool:
    """Whether a sample has one image as its ``inputs``, and not views, or nothing."""
    return isinstance(sample, dict) and getattr(sample.get("inputs"), "ndim", 0) == 3


@contextmanager
def without_augmentation(dataset: Any) -> Iterator[None]:
    """Inside, a data set's pipeline keeps its transforms that draw nothing at random.

    Data sets inside wrappers count. Worker processes keep their own copies, untouched.
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
