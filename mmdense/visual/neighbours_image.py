"""Image of nearest neighbours in feature space.

Letters: N images, D channels, Q queries, K neighbours.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmdense.evaluation.knn import nearest_neighbours
from mmdense.visual.chosen_images import ChosenImage, ImageSource, evenly_spaced, network_input
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.feature_maps import pooled_features
from mmdense.visual.grid import GOOD, POOR, Cell, draw_grid, fitted, frame

_IMAGES, _QUERIES, _NEIGHBOURS = 512, 6, 7
_BATCH = 32  # images at a time
_DENSE = ("gt_instances", "gt_sem_seg", "gt_panoptic_seg")


def draw_neighbours(backbone: nn.Module, preprocess: nn.Module, source: ImageSource) -> Drawn:
    """Draw one row for each query with its neighbours by cosine similarity of pooled features.

    The backbone is in eval mode.

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
    cells = []
    for query, row, values in zip(queries, index.tolist(), similar.tolist()):
        image, wanted = source[chosen[query]], labels[query]
        name = image.name if wanted is None else source.class_name(wanted)
        cells.append(Cell(fitted(image.image, columns), (name, "")))
        for one, value in zip(row, values):
            cells.append(_neighbour(source, source[chosen[one]], wanted, value, columns))
    headings = ["query", *(f"neighbour {number}" for number in range(1, columns))]
    caption = _caption(backbone, source, len(chosen), queries, labels, index)
    return Drawn(draw_grid(cells, columns, headings), "Nearest neighbours", caption)


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
    images = (source[index] for index in chosen)
    for _, same in itertools.groupby(images, lambda image: image.pixels.shape):
        while batch := list(itertools.islice(same, _BATCH)):
            features.append(pooled_features(backbone, network_input(batch, preprocess)).cpu())
            labels += [image.label for image in batch]
    return torch.cat(features), labels  # [N, D]


def _neighbour(
    source: ImageSource, image: ChosenImage, wanted: int | None, similar: float, columns: int
) -> Cell:
    """Return the cell of a neighbour; a sign and a frame show whether its class is correct."""
    shown, cosine = fitted(image.image, columns), f"cosine {similar:.3f}"
    if wanted is None or image.label is None:
        return Cell(shown, (image.name, cosine))
    right = image.label == wanted
    name = f"{'✓' if right else '✗'} {source.class_name(image.label)}"
    return Cell(frame(shown, GOOD if right else POOR), (name, cosine))


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
        labels[one] == labels[query] is not None
        for query, row in zip(queries, index.tolist())
        for one in row
    )
    total = len(known) * index.shape[1]
    chance = sum(labels.count(labels[query]) - 1 for query in known) / (count - 1)
    return text + (
        f"{right} of {total} neighbours have the class of their query (about "
        f"{chance * index.shape[1]:.0f} expected by chance). They have a blue frame and ✓, the "
        "others an orange frame and ✗. For the others, check what they have in common with the "
        "query instead: colours, background or the type of image."
    )
