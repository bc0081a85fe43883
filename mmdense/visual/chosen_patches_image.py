"""Images of chosen patches: their similarity to the patches of an image, and their neighbours.

Letters: I images, N patches of an image, D channels, H and W positions of the patches, Q queries.
"""

from __future__ import annotations

import cv2
import matplotlib
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.visual.annotated_image import outline
from mmdense.visual.chosen_images import evenly_spaced
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.grid import Cell, draw_grid, faded, fitted

_SIMILAR, _PER_ROW = 6, 2  # images of similarities, and how many in a row
_QUERIES, _NEIGHBOURS, _BANK = 6, 7, 200
_AROUND = 3  # patches around a neighbour that are shown with it
_COVER = 0.65  # opacity of the colours over the image
_MARK = (213, 94, 0)


def draw_patch_similarity(task: DenseTask) -> Drawn:
    """Draw the cosine similarity of two patches of each image to all its patches.

    One is at the centre of the image, the other is the most distinct one, see
    :func:`most_distinct`.
    """
    indices, (features, grid) = task.sample(_BANK)
    cells = []
    places = evenly_spaced(len(indices), _SIMILAR)
    headings = ["centre", "similarity", "most distinct", "similarity"]
    for place in places:
        image = task.data.test.image(indices[place])[..., ::-1]  # RGB
        vectors = F.normalize(features[place], dim=1)  # [N, D]
        middle = grid[0] // 2 * grid[1] + grid[1] // 2
        for patch in (middle, most_distinct(vectors)):
            cosines = (vectors @ vectors[patch]).unflatten(0, grid).numpy()  # [H, W]
            name = task.data.test.paths[indices[place]].name
            cells += _similarity_cells(image, cosines, patch, name, len(headings) * _PER_ROW)
    caption = (
        f"Cosine similarity of a patch (framed) to all patches of its image, for the last features "
        f"of {type(task.frozen.module).__name__} on {len(places)} of {len(task.data.test)} test "
        "images. The patch is at the centre on the left, and on the right the one whose feature "
        "differs most from the mean of the image. Yellow is the most similar, dark violet the "
        "least similar patch of the image; the range is printed below. Good features are similar "
        "over an object or a material and change at its edges. Similarity that only falls with the "
        "distance shows the position, not the content."
    )
    return Drawn(
        draw_grid(cells, len(headings) * _PER_ROW, headings), "Similarity of patches", caption
    )


def draw_nearest_patches(task: DenseTask) -> Drawn:
    """Draw chosen patches with the most similar patches of other images, at most one of each.

    Raises:
        NothingToDraw: There are fewer than two images.
    """
    indices, (features, grid) = task.sample(_BANK)
    if len(indices) < 2:
        raise NothingToDraw("nearest patches need at least two images")
    queries = evenly_spaced(len(indices), _QUERIES)
    count = min(_NEIGHBOURS, len(indices) - 1)
    columns = 1 + count
    cells = []
    for query, patch in zip(queries, different_patches(features[queries])):
        found = nearest_patches(features, query, patch, count)
        for image, place, cosine in [(query, patch, None), *found]:
            pixels = task.data.test.image(indices[image])[..., ::-1]
            crop = fitted(_crop(pixels, grid, place), columns)
            name = task.data.test.paths[indices[image]].name
            cells.append(Cell(crop, (name, "" if cosine is None else f"cosine {cosine:.3f}")))
    headings = ["query", *(f"neighbour {number}" for number in range(1, columns))]
    caption = (
        f"On the left, a patch (framed) of each of {len(queries)} images with its surroundings; "
        "these patches are chosen to differ from each other. On the right, the most "
        f"similar patches by the last features of {type(task.frozen.module).__name__} among "
        f"{len(indices)} of {len(task.data.test)} test images, at most one of each image. Good "
        "features find the same part of another object; poor ones only the same colour, or the "
        "same position in the image."
    )
    return Drawn(draw_grid(cells, columns, headings), "Nearest patches across images", caption)


def most_distinct(vectors: Tensor) -> int:
    """Return the patch with the smallest cosine to the mean of the image.

    Args:
        vectors: Normalised features. [N, D]
    """
    return int((vectors @ vectors.mean(dim=0)).argmin())


def different_patches(features: Tensor) -> list[int]:
    """Return a patch of each image that differs most from those of the images before it.

    The first patch is the most distinct one of its image.

    Args:
        features: Not normalised. [Q, N, D]
    """
    vectors = F.normalize(features, dim=2)
    chosen = [most_distinct(vectors[0])]
    for number in range(1, len(vectors)):
        before = vectors[torch.arange(number), chosen]  # [number, D]
        chosen.append(int((vectors[number] @ before.T).amax(dim=1).argmin()))
    return chosen


def nearest_patches(
    features: Tensor, query: int, patch: int, count: int
) -> list[tuple[int, int, float]]:
    """Return image, patch and cosine of the most similar patches of other images, one of each.

    Args:
        features: Not normalised. [I, N, D]
        query: Image of the query.
        patch: Its patch.
        count: Number of images, below I.
    """
    vector = F.normalize(features[query, patch], dim=0)  # [D]
    # Image by image: normalised copies of all features would double their memory.
    best = [(F.normalize(one, dim=1) @ vector).max(dim=0) for one in features]
    cosines = torch.stack([one.values for one in best])  # [I]
    cosines[query] = -torch.inf
    values, images = cosines.topk(count)
    return [(i, int(best[i].indices), v) for i, v in zip(images.tolist(), values.tolist())]


def _similarity_cells(
    image: np.ndarray, cosines: np.ndarray, patch: int, name: str, columns: int
) -> list[Cell]:
    """Return the image with a patch, and the cosines [H, W] over it."""
    lowest = cosines.min()
    others = np.delete(cosines.ravel(), patch)
    highest = others.max() if len(others) else 1.0
    strength = (cosines - lowest) / max(highest - lowest, 1e-12)
    colours = matplotlib.colormaps["viridis"](strength.clip(0, 1), bytes=True)[..., :3]
    shown = fitted(image, columns)
    heat = fitted(np.ascontiguousarray(colours), columns, like=image.shape)
    mixed = cv2.addWeighted(heat, _COVER, faded(shown), 1 - _COVER, 0)
    row, column = divmod(patch, cosines.shape[1])
    sides = np.array([shown.shape[1] / cosines.shape[1], shown.shape[0] / cosines.shape[0]])
    box = np.array([[column, row, column + 1, row + 1]]) * np.tile(sides, 2)
    return [
        Cell(_framed(shown, box), (name,)),
        Cell(_framed(mixed, box), (f"cosine {lowest:.2f} to {highest:.2f}",)),
    ]


def _framed(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Return an image with a frame of two pixels around a box [1, 4], as far as it has room."""
    limits = np.tile(image.shape[1::-1], 2)
    return outline(image, (box + np.array([-2, -2, 2, 2])).clip(0, limits), _MARK)


def _crop(image: np.ndarray, grid: tuple[int, int], patch: int) -> np.ndarray:
    """Cut out a patch and its surroundings, with a frame around the patch; RGB."""
    spans, inner = [], []
    for place, count, side in zip(divmod(patch, grid[1]), grid, image.shape[:2]):
        shown = min(2 * _AROUND + 1, count)
        first = min(max(place - _AROUND, 0), count - shown)
        start, stop = (round(edge * side / count) for edge in (first, first + shown))
        spans.append(slice(start, max(stop, start + 1)))
        inner.append([edge * side / count - start for edge in (place, place + 1)])
    (top, bottom), (left, right) = inner
    crop = np.ascontiguousarray(image[spans[0], spans[1]])
    scale = max(1, round(160 / max(crop.shape[:2])))
    crop = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return _framed(crop, np.array([[left, top, right, bottom]]) * scale)
