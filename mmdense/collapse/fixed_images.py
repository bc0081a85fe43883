"""Features of a fixed set of training images, without augmentation and in views.

Letters: N images of all processes, V views, D channels, H and W of an image, h and w of a view.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank, get_world_size
from torch import Tensor
from torchvision.transforms.functional import center_crop, resize

from mmdense.collapse.taps import Parts, as_vectors
from mmdense.data.pipelines import draws_nothing
from mmdense.engine.exact_loader import SeededDataset, kept_random_state
from mmdense.evaluation.features import evaluating
from mmdense.ssl.gather import gather_rows

_SEED = 20220
_BATCH = 64


@torch.no_grad()
def clean_features(
    model: Any, dataset: Any, collate: Callable[[list], Any], parts: Parts, count: int
) -> dict[str, Tensor]:
    """Return features of images without augmentation, in eval mode; training is not affected.

    The images are evenly spaced in the training set. Each is loaded, scaled, center-cropped to the
    size of a view, and normalised. The images do not depend on the number of processes.

    Args:
        model: Without a wrapper such as DDP.
        dataset: Training images.
        collate: Collate function of the training loader.
        parts: Modules of the model.
        count: Maximum number of images, N.

    Returns:
        Features by space, "backbone" and, if there is one, "projector". Empty if the data set
        cannot return images without augmentation, because it makes views itself. [N, D]
    """
    dataset = _bare(dataset)
    found: dict[str, list[Tensor]] = {}
    with kept_random_state(), evaluating(model):
        sample = dataset[0]
        copies = len(sample["inputs"]) if isinstance(sample["inputs"], list | tuple) else None
        views = _as_views(model.data_preprocessor(collate([sample]), True)["inputs"])
        size = (views[0].shape[-2], views[0].shape[-1])
        with without_augmentation(dataset):
            first = dataset[0]
            if not isinstance(first, dict) or getattr(first.get("inputs"), "ndim", 0) != 3:
                return {}
            for places in _own_batches(dataset, count):
                samples = []  # in the format of training samples
                for place in places:
                    sample = dataset[place]
                    view = fit_to_view(torch.as_tensor(sample["inputs"]), size)
                    inputs = view if copies is None else [view] * copies
                    samples.append({**sample, "inputs": inputs})
                data = model.data_preprocessor(collate(samples), False)
                clean = _as_views(data["inputs"])[:1]
                for space, (vectors,) in _vectors_by_space(model, parts, clean).items():
                    found.setdefault(space, []).append(vectors)  # [B, D]
    return {space: gather_rows(torch.cat(batches)) for space, batches in found.items()}


@torch.no_grad()
def view_features(
    model: Any, dataset: Any, collate: Callable[[list], Any], parts: Parts, count: int
) -> dict[str, Tensor]:
    """Return features of the training views of the same images, in eval mode.

    Each image has its own seed for its views, so they are the same at every call and for any number
    of processes.

    The arguments are those of :func:`clean_features`.

    Returns:
        Features by space, "backbone" and, if there is one, "projector". [N, V, D]
    """
    dataset = _bare(dataset)
    found: dict[str, list[Tensor]] = {}
    with kept_random_state(), evaluating(model):
        for places in _own_batches(dataset, count):
            drawn = [_views_of(model, dataset, collate, place) for place in places]
            views = [torch.cat(of_images) for of_images in zip(*drawn, strict=True)]
            # Crops of other sizes (the small ones of SwAV) are not comparable.
            views = [view for view in views if view.shape[-2:] == views[0].shape[-2:]]
            for space, vectors in _vectors_by_space(model, parts, views).items():
                found.setdefault(space, []).append(torch.stack(vectors, dim=1))  # [B, V, D]
    return {space: gather_rows(torch.cat(batches)) for space, batches in found.items()}


def _views_of(model: Any, dataset: Any, collate: Callable[[list], Any], place: int) -> list[Tensor]:
    """Views of one image, drawn with its own seed, each [1, C, h, w]."""
    seed = _SEED + place
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
    return _as_views(model.data_preprocessor(collate([dataset[place]]), True)["inputs"])


def _bare(dataset: Any) -> Any:
    """The data set inside a :class:`SeededDataset`."""
    return dataset.dataset if isinstance(dataset, SeededDataset) else dataset


def _own_batches(dataset: Any, count: int) -> Iterator[list[int]]:
    """Indices of the images of this process, in batches."""
    count = min(max(count, get_world_size()), len(dataset))  # each process needs an image
    chosen = np.linspace(0, len(dataset) - 1, count).astype(int)
    own = chosen[get_rank() :: get_world_size()].tolist()
    for start in range(0, len(own), _BATCH):
        yield own[start : start + _BATCH]


def _as_views(inputs: Any) -> list[Tensor]:
    return list(inputs) if isinstance(inputs, list | tuple) else [inputs]


def _vectors_by_space(model: Any, parts: Parts, views: list[Tensor]) -> dict[str, list[Tensor]]:
    found: dict[str, list[Tensor]] = {"backbone": [], "projector": []}
    features: Any
    listed: Any
    for view in views:
        if hasattr(model, "image_features"):
            features = listed = (model.image_features(view),)
        else:
            features = model.extract_feat(view) if parts.encoder_only else parts.backbone(view)
            listed = [features] if parts.layout == "concatenated" else features
        found["backbone"].append(as_vectors(features, of="backbone").float())
        if not parts.encoder_only:
            z = as_vectors(parts.projector(listed), first=True, of="projector")
            found["projector"].append(z.float())
    return {space: vectors for space, vectors in found.items() if vectors}


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
    covering = [max(h, round(rows * scale)), max(w, round(columns * scale))]
    return center_crop(resize(image, covering, antialias=True), list(size))


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
