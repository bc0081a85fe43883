"""Draw how anchors are refined: a panel for each stage, a colour for each anchor.

Legend::

    N   anchors that are drawn
    L   anchors of all levels
    S   stages
    k   size of a kernel, 3
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor, nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.ops.nms import nms
from mmdense.visual.grid import Cell, draw_grid, font, png_bytes
from projects.cascade_rpn.adaptive_conv import AdaptiveConv2d, LevelConv2d
from projects.cascade_rpn.adaptive_points import adaptive_points
from projects.cascade_rpn.anchor_pyramid import lay_anchors
from projects.cascade_rpn.proposals import clip_boxes_to_images

__all__ = ["AnchorPaths", "draw_stages", "follow_anchors"]

# Colours for colour-blind readers on a pale image; numbers identify the anchors, too.
_COLOURS = ("#D62728", "#0072B2", "#009E73", "#CC79A7", "#7F3C00", "#E69F00", "#56B4E9", "#000000")
_PALE = 0.4  # opacity of the white layer over the image
_MARGIN = 0.1  # fraction of the image around it, for boxes outside
_PANEL = 430  # longer side of an image, in pixels


class AnchorPaths(NamedTuple):
    """Boxes of some anchors in all stages, best proposal first."""

    boxes: Tensor  # [S + 1, N, 4] in pixels: the anchors, then the boxes after each stage
    points: list[Tensor | None]  # where each stage reads, [N, k * k, 2] (x, y); None if learned
    descriptions: list[str]  # the convolution of each stage
    scores: Tensor  # [N] of the last stage


@torch.no_grad()
def follow_anchors(
    head: Any, maps: Sequence[Tensor], img_meta: dict[str, Any], top: int, *, apart: float = 0.3
) -> AnchorPaths:
    """Return the best proposals and their boxes and sampling points in every stage.

    Args:
        head: a ``CascadeRPNHead`` in eval mode.
        maps: [1, C, H, W] for each level.
        img_meta: of the image, with its ``img_shape``.
        top: N, the maximum number of proposals.
        apart: IoU threshold of NMS between the proposals.

    Raises:
        ValueError: ``top`` is not positive, there is more than one image, or no proposal has an
            area and a finite score.
    """
    if top < 1 or len(maps[0]) != 1:
        raise ValueError(f"needs top >= 1 and one image, found top={top} and {len(maps[0])} images")
    steps = head.walk(maps, [img_meta])
    pyramid = lay_anchors(
        head.prior_generator, head.anchor_sizes, maps, [img_meta["img_shape"][:2]]
    )
    last, stage = steps[-1], head.stages[-1]
    final = stage.decode(last.boxes, last.deltas)
    final = clip_boxes_to_images(final, pyramid.image_sizes)[0]  # [L, 4]
    scores = stage.loss.probabilities(last.scores.float())[0]  # [L]
    sides = final[:, 2:] - final[:, :2]
    good = pyramid.valid[0] & (sides > 0).all(1) & final.isfinite().all(1) & scores.isfinite()
    number = good.nonzero()[:, 0]
    if len(number) == 0:
        raise ValueError("no proposal has an area and a finite score: check the weights for NaN")
    best = number[nms(final[number], scores[number], apart)[:top]]  # [N]
    boxes = torch.stack([*(step.boxes[0, best] for step in steps), final[best]])
    strides = torch.cat(
        [
            torch.tensor(stride, device=best.device).expand(count, 2)
            for stride, count in zip(pyramid.levels.strides, pyramid.per_level, strict=True)
        ]
    )[best]  # [N, 2]
    read = [
        _reading(one.rpn_conv["conv"], seen, boxes[0], strides)
        for one, seen in zip(head.stages, boxes)
    ]
    points, descriptions = zip(*read, strict=True)
    return AnchorPaths(boxes, list(points), list(descriptions), scores[best])


def draw_stages(
    image: np.ndarray,
    paths: AnchorPaths,
    path: str | Path,
    *,
    scale_factor: tuple[float, float] = (1.0, 1.0),
) -> Path:
    """Draw the anchors and the boxes after each stage; dots are points of the next stage.

    Args:
        image: the original image, RGB uint8 [height, width, 3].
        paths: boxes and points in pixels of the network input.
        path: output PNG file; its folder is created.
        scale_factor: (x, y), size of the input divided by that of the image.
    """
    zoom = _PANEL / max(image.shape[:2])
    pale = cv2.convertScaleAbs(image, alpha=1 - _PALE, beta=255 * _PALE)
    pale = cv2.resize(pale, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_AREA)
    x, y = (round(_MARGIN * side) for side in (pale.shape[1], pale.shape[0]))
    pale = cv2.copyMakeBorder(pale, y, y, x, x, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    scale, corner = zoom / np.array(scale_factor, dtype=float), np.array([x, y])
    boxes = paths.boxes.double().cpu().numpy().reshape(*paths.boxes.shape[:2], 2, 2)
    cells = []
    for number, (of_panel, points) in enumerate(zip(boxes, [*paths.points, None], strict=True)):
        dots = None if points is None else points.double().cpu().numpy() * scale + corner
        drawn = _draw_boxes(pale, of_panel * scale + corner, dots)
        cells.append(Cell(drawn, (_title(number, paths.descriptions),)))
    write_atomically(png_bytes(draw_grid(cells, columns=len(cells))), path)
    return Path(path)


def _reading(
    conv: nn.Module, seen: Tensor, anchors: Tensor, strides: Tensor
) -> tuple[Tensor | None, str]:
    """Sampling points of a convolution for boxes [N, 4], in pixels [N, k * k, 2], and its kind.

    With a stride of 1 and without an offset, cells of ``adaptive_points`` are pixels.
    """
    if isinstance(conv, AdaptiveConv2d):
        boxes, word = seen, "adapts to the box"
    elif isinstance(conv, LevelConv2d):
        # A plain 3 x 3 convolution is that for a box of 2 strides, centred on the cell.
        center = (anchors[:, :2] + anchors[:, 2:]) / 2
        boxes = torch.cat((center - strides, center + strides), dim=1)
        word = "is plain" if conv.dilation[0] == 1 else f"is dilated by {conv.dilation[0]:g}"
    else:
        return None, "learns its offsets"
    k, dilation = conv.kernel_size[0], conv.dilation[0]
    grid = adaptive_points(boxes.unsqueeze(0), stride=1.0, kernel_size=k, dilation=dilation)
    y = grid.y[0].unsqueeze(2).expand(-1, k, k)  # [N, k, k]
    x = grid.x[0].unsqueeze(1).expand(-1, k, k)
    return torch.stack((x, y), dim=-1).flatten(1, 2), word


def _draw_boxes(image: np.ndarray, boxes: np.ndarray, points: np.ndarray | None) -> np.ndarray:
    """An image with numbered boxes [N, 2, 2], best on top, and their points [N, k * k, 2]."""
    drawn = Image.fromarray(image)
    draw, letters = ImageDraw.Draw(drawn), font(11)
    for number in reversed(range(len(boxes))):
        (x1, y1), (x2, y2) = boxes[number]
        colour = _COLOURS[number % len(_COLOURS)]
        draw.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline="white", width=4)
        draw.rectangle((x1, y1, x2, y2), outline=colour, width=2)
        for x, y in () if points is None else points[number]:
            draw.ellipse((x - 4, y - 4, x + 4, y + 4), fill=colour, outline="white")
    for number in reversed(range(len(boxes))):  # over all boxes
        (x1, y1), colour = boxes[number, 0], _COLOURS[number % len(_COLOURS)]
        place = np.clip(x1, 0, drawn.width - 12), np.clip(y1, 14, drawn.height)
        draw.rectangle(draw.textbbox(place, str(number + 1), letters, "lb"), fill=colour)
        draw.text(place, str(number + 1), "white", letters, "lb")
    return np.asarray(drawn)


def _title(number: int, descriptions: Sequence[str]) -> str:
    """Content of a panel and the convolution of the next stage."""
    shown = f"after stage {number}" if number else "anchors"
    if number == len(descriptions):
        return f"{shown}: proposals"
    return f"{shown}; stage {number + 1} {descriptions[number]}"
