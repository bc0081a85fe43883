"""One image of Collage: shapes on a photo, and the visible mask of each shape.

Objects are placed from front to back. An object is skipped if less than `LEAST_VISIBLE` of its
area, or fewer than `LEAST_PIXELS` pixels, would be visible. So every drawn object is annotated, and
every annotated object is visible.

Legend: H, W rows and columns of the image; h, w those of the window of one object; N objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from mmdense.data.collage.photos import random_colour, random_crop
from mmdense.data.collage.shapes import CLASSES, coverage, draw_shape
from mmdense.data.collage.split import SplitSampler
from mmdense.data.collage.textures import draw_texture, value_noise

SMALLEST = 8  # pixels, longer side of an object
LEAST_VISIBLE = 0.35
LEAST_PIXELS = 16
IGNORE = 255
_EMPTY_SHARE, _BUSY_SHARE, _SWARM_SHARE = 0.04, 0.08, 0.08


@dataclass(frozen=True)
class Visible:
    """The visible part of one object, or of one crowd of small objects: a bool mask `[H, W]`."""

    label: int
    mask: np.ndarray
    crowd: bool = False


@dataclass(frozen=True)
class Scene:
    """An image with its labels.

    Attributes:
        image: RGB uint8 `[H, W, 3]`.
        objects: N visible objects; their masks are disjoint.
        semantic: uint8 `[H, W]`; 0 background, class index + 1, or `IGNORE` on crowds and on
            pixels that mix an object with its surroundings.
    """

    image: np.ndarray
    objects: list[Visible]
    semantic: np.ndarray


@dataclass(frozen=True)
class _Piece:
    """A placed object: its coverage `[h, w]`, 0 to 1, at column `x`, row `y`; inside the image."""

    label: int
    alpha: np.ndarray
    x: int
    y: int
    size: float

    @property
    def window(self) -> tuple[slice, slice]:
        h, w = self.alpha.shape
        return slice(self.y, self.y + h), slice(self.x, self.x + w)


def draw_scene(sampler: SplitSampler, *, height: int, width: int, most: int) -> Scene:
    """Return an image of at most `most` objects; some have none, some also have a crowd."""
    rng = sampler.rng
    table = _Table(height, width)
    swarm = _place_swarm(table, sampler) if rng.random() < _SWARM_SHARE else []
    first = len(table.pieces)
    for size in _sizes(_object_count(rng, most), max(height, width), rng):
        label = int(rng.integers(len(CLASSES)))
        for _ in range(4):
            centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
            if size > 0.6 * max(height, width):
                centre = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
            if table.place(label, centre, size, sampler):
                break
    objects = [Visible(p.label, m) for p, m in table.visible(first)]
    if swarm:
        objects.append(_crowd(table, objects))
    return Scene(_paint(table, sampler), objects, _semantic(table, objects))


def draw_portrait(sampler: SplitSampler, label: int, *, side: int) -> np.ndarray:
    """Return an image of one object near the centre, RGB uint8 `[side, side, 3]`."""
    table = _Table(side, side)
    rng = sampler.rng
    centre = (side * rng.uniform(0.45, 0.55), side * rng.uniform(0.45, 0.55))
    table.place(label, centre, side * rng.uniform(0.5, 0.9), sampler)
    return _paint(table, sampler)


class _Table:
    """The placed objects, front to back."""

    def __init__(self, height: int, width: int) -> None:
        self.taken = np.zeros((height, width), bool)
        self.pieces: list[_Piece] = []
        self._masks: list[np.ndarray] = []

    def place(
        self, label: int, centre: tuple[float, float], size: float, sampler: SplitSampler
    ) -> bool:
        """Place an object behind all others; return False if too little of it is visible."""
        H, W = self.taken.shape
        full, x, y = coverage(draw_shape(label, sampler), centre, size)
        area = int((full >= 128).sum())
        top, left = max(0, -y), max(0, -x)
        alpha = full[top : max(0, H - y), left : max(0, W - x)].astype(np.float32) / 255  # [h, w]
        if alpha.size == 0:
            return False
        piece = _Piece(label, alpha, x + left, y + top, size)
        seen = (alpha >= 0.5) & ~self.taken[piece.window]
        if seen.sum() < max(LEAST_PIXELS, LEAST_VISIBLE * area):
            return False
        mask = np.zeros((H, W), bool)
        mask[piece.window] = seen
        self.taken |= mask
        self.pieces.append(piece)
        self._masks.append(mask)
        return True

    def visible(self, first: int = 0) -> list[tuple[_Piece, np.ndarray]]:
        """Return the pieces from index `first` on with their visible masks, each `[H, W]`."""
        return list(zip(self.pieces[first:], self._masks[first:], strict=True))


def _object_count(rng: np.random.Generator, most: int) -> int:
    """Return 0 (empty image), a large number (busy image) or a geometric one with mean 5."""
    kind = rng.random()
    if kind < _EMPTY_SHARE:
        return 0
    if kind < _EMPTY_SHARE + _BUSY_SHARE:
        return int(rng.integers(most // 2, most + 1))
    return min(most, int(rng.geometric(0.2)))


def _sizes(count: int, longest: int, rng: np.random.Generator) -> list[float]:
    """Return log-normal sizes, smaller for more objects; small ones tend to come first."""
    typical = longest * 0.34 / max(1.0, count / 3) ** 0.4
    sizes = np.clip(typical * np.exp(rng.normal(0, 0.55, count)), SMALLEST, longest)
    order = np.argsort(sizes * np.exp(rng.normal(0, 0.4, count)), kind="stable")
    return [float(size) for size in sizes[order]]


def _place_swarm(table: _Table, sampler: SplitSampler) -> list[_Piece]:
    """Place 15 to 40 tiny objects of one class close together, in front of all others."""
    H, W = table.taken.shape
    rng = sampler.rng
    label = int(rng.integers(len(CLASSES)))
    size = max(SMALLEST, 0.04 * max(H, W))
    spread = size * rng.uniform(1.5, 2.5)
    middle = np.array([rng.uniform(0.15, 0.85) * W, rng.uniform(0.15, 0.85) * H])
    for _ in range(int(rng.integers(15, 41))):
        x, y = middle + rng.normal(0, spread, 2)
        table.place(label, (float(x), float(y)), size * rng.uniform(0.8, 1.2), sampler)
    return list(table.pieces)


def _crowd(table: _Table, objects: list[Visible]) -> Visible:
    """Return the crowd region of a swarm: its pieces and the gaps, without other objects."""
    swarm = table.visible()[: len(table.pieces) - len(objects)]
    region = np.logical_or.reduce([mask for _, mask in swarm])
    reach = 2 * int(swarm[0][0].size) + 1
    closed = cv2.morphologyEx(
        region.astype(np.uint8),
        cv2.MORPH_CLOSE,
        cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)),
    ).astype(bool)
    for item in objects:
        closed &= ~item.mask
    return Visible(swarm[0][0].label, closed | region, crowd=True)


def _semantic(table: _Table, objects: list[Visible]) -> np.ndarray:
    label_map = np.zeros(table.taken.shape, np.uint8)
    for piece in reversed(table.pieces):
        view = label_map[piece.window]
        view[piece.alpha > 0.02] = IGNORE
        view[piece.alpha > 0.98] = piece.label + 1
    for item in objects:
        if item.crowd:
            label_map[item.mask] = IGNORE
    return label_map


def _paint(table: _Table, sampler: SplitSampler) -> np.ndarray:
    """Return the image: background, pieces from back to front, a light gradient and noise."""
    H, W = table.taken.shape
    rng = sampler.rng
    canvas = _background(sampler, height=H, width=W)
    angle = rng.uniform(0, 2 * np.pi)
    light = (float(np.cos(angle)), float(np.sin(angle)))
    for piece in reversed(table.pieces):
        _paint_piece(canvas, piece, light, sampler)
    ramp = np.add.outer(light[1] * np.linspace(-1, 1, H), light[0] * np.linspace(-1, 1, W))
    canvas *= (1 + rng.uniform(0.0, 0.16) * ramp.astype(np.float32))[..., None]
    canvas += rng.normal(0, rng.uniform(1, 5), (H, W, 1)).astype(np.float32)
    return np.clip(np.round(canvas), 0, 255).astype(np.uint8)


def _background(sampler: SplitSampler, *, height: int, width: int) -> np.ndarray:
    """Return one photo, or two along a noisy edge, with less contrast than the objects."""
    rng = sampler.rng
    canvas = random_crop(sampler, height=height, width=width)  # [H, W, 3]
    if rng.random() < 0.35:
        other = random_crop(sampler, height=height, width=width)
        angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4)
        side = np.add.outer(
            np.sin(angle) * np.linspace(-1, 1, height), np.cos(angle) * np.linspace(-1, 1, width)
        ).astype(np.float32)
        torn = side + 0.35 * value_noise(rng, height=height, width=width, cells=4) - offset
        step = np.clip(torn * (width / 4), 0, 1)[..., None]
        canvas = canvas * (1 - step) + other * step
    haze = random_colour(sampler, dark=0.2, bright=0.9)
    share = np.float32(rng.uniform(0.15, 0.5))
    return canvas * (1 - share) + haze * share


def _paint_piece(
    canvas: np.ndarray, piece: _Piece, light: tuple[float, float], sampler: SplitSampler
) -> None:
    """Draw the shadow of a piece, then the piece with texture and bevel."""
    rng = sampler.rng
    h, w = piece.alpha.shape
    _cast_shadow(canvas, piece, light, strength=float(rng.uniform(0.25, 0.6)))
    patch = draw_texture(sampler, height=h, width=w, size=piece.size)
    # Bevel: slopes of the blurred coverage that face the light are brighter.
    padded = cv2.copyMakeBorder(piece.alpha, 2, 2, 2, 2, cv2.BORDER_REPLICATE)
    slope_y, slope_x = np.gradient(_blur(padded, max(0.8, 0.035 * piece.size)))
    facing = (slope_x * light[0] + slope_y * light[1])[2:-2, 2:-2]  # [h, w]
    relief = np.float32(rng.uniform(0.15, 0.6) * max(2.0, 0.09 * piece.size)) * facing
    patch = patch * (1 + np.clip(relief, -0.5, 0.6))[..., None]
    if rng.random() < 0.3:
        inner = np.clip(cv2.erode(piece.alpha, np.ones((3, 3), np.uint8)), 0, 1)[..., None]
        patch = patch * inner + random_colour(sampler, dark=0.0, bright=1.0) * (1 - inner)
    alpha = piece.alpha[..., None]
    canvas[piece.window] = canvas[piece.window] * (1 - alpha) + np.clip(patch, 0, 255) * alpha


def _cast_shadow(
    canvas: np.ndarray, piece: _Piece, light: tuple[float, float], *, strength: float
) -> None:
    """Darken the canvas beside a piece, in the direction `light`."""
    H, W = canvas.shape[:2]
    reach = max(1.0, min(0.06 * piece.size, 0.04 * max(H, W)))
    margin = int(np.ceil(4 * reach))
    shade = cv2.copyMakeBorder(piece.alpha, margin, margin, margin, margin, cv2.BORDER_CONSTANT)
    shade = _blur(shade, reach * 0.7)
    y, x = piece.y - margin + round(reach * light[1]), piece.x - margin + round(reach * light[0])
    top, left = max(0, -y), max(0, -x)
    shade = shade[top : H - y, left : W - x]
    h, w = shade.shape
    canvas[y + top : y + top + h, x + left : x + left + w] *= 1 - strength * shade[..., None]


def _blur(field: np.ndarray, sigma: float) -> np.ndarray:
    """Blur values of 0 to 1 in integers, so that every processor rounds alike."""
    whole = np.round(field * 65535).astype(np.uint16)
    return cv2.GaussianBlur(whole, (0, 0), sigma).astype(np.float32) / 65535
