"""Textures of Collage's objects: seven procedural families and crops of photos.

A texture does not depend on the class. Its parameters come from the slots of the split, so no
training image has a texture of the test split.

Legend: H, W rows and columns of the patch; u, v coordinates in the object, about -1 to 1 along its
longer side; a field is a float32 `[H, W]` from 0 (first colour) to 1 (second colour).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mmdense.data.collage.photos import random_colour, random_crop
from mmdense.data.collage.split import SplitSampler

_PHOTO_SHARE = 0.15


def draw_texture(sampler: SplitSampler, *, height: int, width: int, size: float) -> np.ndarray:
    """Return a random texture, RGB float32 `[height, width, 3]`, 0 to 255.

    Patterns scale with `size`, the longer side of the object in pixels.
    """
    if sampler.rng.random() < _PHOTO_SHARE:
        return random_crop(sampler, height=height, width=width, smallest=0.15)
    angle = sampler.uniform(0, 2 * np.pi)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y - height / 2) * (2 / size), (x - width / 2) * (2 / size)
    u = np.float32(np.cos(angle)) * x - np.float32(np.sin(angle)) * y
    v = np.float32(np.sin(angle)) * x + np.float32(np.cos(angle)) * y
    finest = max(0.7, min(5.0, size / 12))  # maximum frequency, lower for small objects
    family = _FAMILIES[int(sampler.rng.integers(len(_FAMILIES)))]
    field = family(u, v, sampler.uniform(0.3, 1.0) * finest, sampler)
    first, second = _colour_pair(sampler)
    patch = first + (second - first) * field[..., None]  # [H, W, 3]
    grain = sampler.rng.normal(0, sampler.uniform(1, 6), (height, width)).astype(np.float32)
    return np.clip(patch + grain[..., None], 0, 255)


def value_noise(rng: np.random.Generator, *, height: int, width: int, cells: float) -> np.ndarray:
    """Return smooth noise of three octaves; the coarsest has `cells` cells along the longer side.

    Returns:
        A field: float32 `[height, width]`, 0 to 1.
    """
    total = np.zeros((height, width), np.float32)
    for octave in range(3):
        step = max(height, width) / (cells * 2**octave)
        rows, cols = int(np.ceil(height / step)) + 2, int(np.ceil(width / step)) + 2
        coarse = rng.random((rows, cols)).astype(np.float32)
        top, y = _cells(height, step)
        left, x = _cells(width, step)
        upper = coarse[top][:, left] * (1 - x) + coarse[top][:, left + 1] * x  # [H, W]
        lower = coarse[top + 1][:, left] * (1 - x) + coarse[top + 1][:, left + 1] * x
        total += (upper + (lower - upper) * y[:, None]) / 2**octave
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def _cells(count: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the noise cell of each pixel, and the smoothed position in it, 0 to 1."""
    place = np.arange(count) / step
    cell = place.astype(np.int64)
    inside = (place - cell).astype(np.float32)
    return cell, inside * inside * (3 - 2 * inside)


def _colour_pair(sampler: SplitSampler) -> tuple[np.ndarray, np.ndarray]:
    """Return a dark and a bright colour in random order."""
    low = random_colour(sampler, dark=0.15, bright=0.6)
    high = random_colour(sampler, dark=0.75, bright=1.0)
    low = high + (low - high) * np.float32(sampler.uniform(0.35, 1.0))  # faint to strong patterns
    return (low, high) if sampler.rng.random() < 0.5 else (high, low)


def _soft_step(wave: np.ndarray) -> np.ndarray:
    """Return a wave of -1 to 1 as bands with soft borders, 0 to 1."""
    return np.clip(0.5 + 2.5 * wave, 0, 1)


def _gradient(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    bend = sampler.uniform(-0.5, 0.5)
    return np.clip(0.5 + 0.6 * (u + bend * v * v), 0, 1)


def _stripes(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    width = sampler.uniform(-0.45, 0.45)  # makes one of the two bands wider
    return _soft_step(np.sin(np.float32(np.pi * rate) * u) + width)


def _waves(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    swing, pace = sampler.uniform(0.15, 0.5), sampler.uniform(1.5, 4.0)
    return _soft_step(np.sin(np.float32(np.pi * rate) * (u + swing * np.sin(pace * v))))


def _checks(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    pace = np.float32(np.pi * rate * 0.8)
    other = np.float32(pace * sampler.uniform(0.6, 1.4))
    return _soft_step(2 * np.sin(pace * u) * np.sin(other * v))


def _dots(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    radius = sampler.uniform(0.22, 0.4)
    a, b = (u * rate * 0.8) % 1 - 0.5, (v * rate * 0.8) % 1 - 0.5
    return np.clip(0.5 + (radius - np.sqrt(a * a + b * b)) * 8, 0, 1)


def _clouds(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    return value_noise(sampler.rng, height=u.shape[0], width=u.shape[1], cells=1.5 * rate)


def _marble(u: np.ndarray, v: np.ndarray, rate: float, sampler: SplitSampler) -> np.ndarray:
    turbulence = value_noise(sampler.rng, height=u.shape[0], width=u.shape[1], cells=1.5 * rate)
    return 0.5 + 0.5 * np.sin(np.float32(np.pi * rate) * u + sampler.uniform(4, 9) * turbulence)


_Family = Callable[[np.ndarray, np.ndarray, float, SplitSampler], np.ndarray]
_FAMILIES: tuple[_Family, ...] = (_gradient, _stripes, _waves, _checks, _dots, _clouds, _marble)
