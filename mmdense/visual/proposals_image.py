"""The first region proposals of a detector beside the true boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from mmdense.evaluation.proposing_head import proposing_head
from mmdense.visual.chosen_images import ChosenImage, ImageSource, evenly_spaced
from mmdense.visual.drawn import Drawn, NothingToDraw
from mmdense.visual.image_grid import GOOD, POOR, Cell, draw_grid, faded, fitted, side_by_side
from mmdense.visual.proposals import (
    IOU,
    Proposals,
    count_found,
    meets_object,
    propose,
)

__all__ = ["draw_proposals"]

_IMAGES, _PER_ROW = 6, 2
_BUDGETS = (20, 50)
_OBJECT = (255, 221, 51)
_DASH = 4


def draw_proposals(model: Any, source: ImageSource) -> Drawn:
    """Draw the objects, the first 20 and the first 50 proposals of some images.

    Args:
        model: A detector in eval mode.
        source: Its images, with boxes.

    Raises:
        NothingToDraw: The model proposes no regions, or the images have no boxes.
    """
    try:
        head = proposing_head(model)
    except ValueError as error:
        raise NothingToDraw(str(error)) from error
    if not hasattr(source.dataset, "get_data_info"):
        raise NothingToDraw(f"{type(source.dataset).__name__} does not list its boxes")
    panels, all_found = [], []
    for index in evenly_spaced(len(source), _IMAGES):
        image = source[index]
        annotations = source.dataset.get_data_info(index)
        found = propose(model, image.pixels, image.sample, annotations)
        panels.append(_panels(image, found))
        all_found.append(found)
    rows = side_by_side(panels, _PER_ROW)
    headings = ["objects", *(f"first {budget} proposals" for budget in _BUDGETS)]
    groups = min(_PER_ROW, len(panels))
    sheet = draw_grid(rows, headings * groups, group=len(headings))
    return Drawn(sheet, "Where objects are proposed", _caption(head, all_found, source))


def _panels(image: ChosenImage, found: Proposals) -> list[Cell]:
    """The objects, then the proposals of each budget."""
    shown = fitted(image.picture, (1 + len(_BUDGETS)) * _PER_ROW)
    ratio = shown.shape[1] / image.picture.shape[1]
    scale = np.tile(np.asarray(image.sample.scale_factor, dtype=float)[:2], 2) * ratio
    truth = Image.fromarray(shown)
    for box in found.objects * scale:
        _solid(ImageDraw.Draw(truth), box, _OBJECT)
    number = len(found.objects)
    cells = [Cell(np.asarray(truth), (image.name, f"{number} object" + "s" * (number != 1)))]
    meets, boxes = meets_object(found), found.boxes * scale
    for budget in _BUDGETS:
        panel = Image.fromarray(faded(shown))
        draw = ImageDraw.Draw(panel)
        first = meets[:budget]
        for box in boxes[:budget][~first]:
            _dashed(draw, box, POOR)
        for box in boxes[:budget][first]:
            _solid(draw, box, GOOD)
        words = f"{first.sum()} of {len(first)} meet an object"
        hits = f"{count_found(found, budget)} of {number} objects found"
        cells.append(Cell(np.asarray(panel), (words, hits)))
    return cells


def _solid(draw: ImageDraw.ImageDraw, box: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Two pixels wide, inside a dark line."""
    x1, y1, x2, y2 = (round(float(side)) for side in box)
    corners = (x1, y1, max(x1, x2 - 1), max(y1, y2 - 1))
    draw.rectangle((x1 - 1, y1 - 1, corners[2] + 1, corners[3] + 1), outline=(0, 0, 0))
    draw.rectangle(corners, outline=colour, width=2)


def _dashed(draw: ImageDraw.ImageDraw, box: np.ndarray, colour: tuple[int, int, int]) -> None:
    """One pixel wide, with gaps."""
    x1, y1, x2, y2 = (round(float(side)) for side in box)
    for x in range(x1, x2, 2 * _DASH):
        for y in (y1, y2 - 1):
            draw.line((x, y, min(x + _DASH, x2) - 1, y), fill=colour)
    for y in range(y1, y2, 2 * _DASH):
        for x in (x1, x2 - 1):
            draw.line((x, y, x, min(y + _DASH, y2) - 1), fill=colour)


def _caption(head: Any, found: list[Proposals], source: ImageSource) -> str:
    objects = sum(len(one.objects) for one in found)
    recalls = "; ".join(
        f"recall at IoU {IOU} of {budget} proposals: "
        f"{sum(count_found(one, budget) for one in found)} of {objects} objects"
        for budget in _BUDGETS
    )
    return (
        f"The first proposals of {type(head).__name__} on {source.describe(len(found))}, beside "
        f"the true boxes (yellow). A proposal that meets an object, with an IoU of {IOU} or more, "
        f"is a solid blue line, any other a dashed orange one. On these images, {recalls}. Look "
        "for objects without a blue box: what is not proposed cannot be detected. Small and "
        "crowded objects go first."
    )
