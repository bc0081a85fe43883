"""Image of nearest neighbours in feature space.

Letters: N images, D channels, Q queries, K neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdense.evaluation.knn import nearest_neighbours
from mmdense.visual.chosen_images import (
    ChosenImage,
    ImageSource,
    evenly_spaced,
    network_input,
)
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.feature_maps import pooled_features
from mmdense.visual.grid import GOOD, POOR, Cell, draw_grid, fitted, frame

__all__ = ["draw_neighbours", "nearest"]

_IMAGES, _QUERIES, _NEIGHBOURS = 512, 6, 7
_BATCH = 32  # images at a time
_DENSE = ("gt_instances", "gt_sem_seg", "gt_panoptic_seg")


def draw_neighbours(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw one row for each query with its neighbours by cosine similarity of pooled features.

    Args:
        backbone: In eval mode.
        preprocess: Normalises images.
        source: Images with one class each or without annotations.

    Raises:
        NothingToDraw: The images have boxes or segmentation maps, or there is only one image.
    """
    chosen = evenly_spaced(len(source), _IMAGES)
    sample = source[chosen[0]].sample
    if sample is not None and any(key in sample for key in _DENSE):
        raise NothingToDraw(
            "neighbours need images with one class; these have boxes or segmentation maps"
        )
    if len(chosen) < 2:
        raise NothingToDraw("neighbours need at least two images")
    features, labels = _features(backbone, preprocess, source, chosen)
    queries = evenly_spaced(len(chosen), _QUERIES)
    similar, index = nearest(features, queries, min(_NEIGHBOURS, len(chosen) - 1))
    columns = 1 + index.shape[1]
    rows = [
        [_query_cell(source, source[chosen[query]], columns)]
        + [
            _cell(source, source[chosen[one]], labels[query], float(value), columns)
            for one, value in zip(row.tolist(), values)
        ]
        for query, row, values in zip(queries, index, similar)
    ]
    headings = ["query", *(f"neighbour {number}" for number in range(1, columns))]
    sheet = draw_grid(rows, headings)
    caption = _caption(backbone, source, len(chosen), queries, labels, index)
    return Drawn(sheet, "Nearest neighbours", caption)


def nearest(features: Tensor, queries: Sequence[int], k: int) -> tuple[Tensor, Tensor]:
    """Return the ``k`` images with the highest cosine similarity to each query, nearest first.

    At equal similarity, the lower index is first. An image is not its own neighbour, but a copy
    of it is.

    Args:
        features: Features of all images. [N, D]
        queries: Indices of the query images, Q in number.
        k: Number of neighbours, at most N - 1.

    Returns:
        Similarities and indices. [Q, K] and [Q, K]

    Raises:
        ValueError: There are too few images, or a feature is NaN or infinite.
    """
    if not 1 <= k < len(features):
        raise ValueError(f"k must be from 1 to {len(features) - 1}, got {k}")
    own = torch.tensor(queries, device=features.device)  # [Q]
    similar, index = nearest_neighbours(features, features[own], k=k + 1)  # [Q, K + 1]
    # The query is included, unless more than k copies of it have lower indices.
    itself = index == own[:, None]
    itself[~itself.any(dim=1), -1] = True
    shape = len(own), k
    return similar[~itself].reshape(shape), index[~itself].reshape(shape)  # [Q, K]


def _features(
    backbone: nn.Module, preprocess: nn.Module, source: ImageSource, chosen: list[int]
) -> tuple[Tensor, list[int | None]]:
    """Return pooled features [N, D] and the class of each image, None if unknown."""
    features: list[Tensor] = []
    labels: list[int | None] = []
    waiting: list[ChosenImage] = []  # of one size
    for image in (source[index] for index in chosen):
        if waiting and (len(waiting) == _BATCH or image.pixels.shape != waiting[0].pixels.shape):
            features.append(pooled_features(backbone, network_input(waiting, preprocess)).cpu())
            waiting = []
        waiting.append(image)
        labels.append(image.label)
    features.append(pooled_features(backbone, network_input(waiting, preprocess)).cpu())
    return torch.cat(features), labels  # [N, D]


def _query_cell(source: ImageSource, image: ChosenImage, columns: int) -> Cell:
    name = image.name if image.label is None else source.class_name(image.label)
    return Cell(fitted(image.picture, columns), (name, ""))


def _cell(
    source: ImageSource, image: ChosenImage, wanted: int | None, similar: float, columns: int
) -> Cell:
    """Return the cell of a neighbour; a sign and a frame show whether its class is correct."""
    picture = fitted(image.picture, columns)
    alike = f"cosine {similar:.3f}"
    if wanted is None or image.label is None:
        return Cell(picture, (image.name, alike))
    right = image.label == wanted
    name = f"{'✓' if right else '✗'} {source.class_name(image.label)}"
    return Cell(frame(picture, GOOD if right else POOR), (name, alike))


def _caption(
    backbone: nn.Module,
    source: ImageSource,
    count: int,
    queries: list[int],
    labels: list[int | None],
    index: Tensor,
) -> str:
    text = (
        f"{len(queries)} queries on the left, each with the {index.shape[1]} images whose pooled "
        f"features (last output of {type(backbone).__name__}) have the highest cosine similarity, "
        f"among {source.describe(count)}. "
    )
    known = [query for query in queries if labels[query] is not None]
    if not known:
        return text + (
            "Check what the neighbours have in common with the query: the object itself, or only "
            "colours, background or the type of image."
        )
    right = sum(
        labels[one] == labels[query]
        for query, row in zip(queries, index.tolist())
        for one in row
        if labels[query] is not None
    )
    total = len(known) * index.shape[1]
    chance = sum(labels.count(labels[query]) - 1 for query in known) / (count - 1)
    return text + (
        f"{right} of {total} neighbours have the class of their query (about "
        f"{chance * index.shape[1]:.0f} expected by chance). They have a blue frame and ✓, the "
        "others an orange frame and ✗. For the others, check what they have in common with the "
        "query instead: colours, background or the type of image."
    )
