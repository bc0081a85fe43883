"""The photos that Collage is made of, and random crops of them.

The photos are part of the scikit-image wheel; nothing is downloaded. Their licences, from
scikit-image's documentation of `skimage.data`:

- astronaut, hubble_deep_field: NASA, public domain; rocket: SpaceX, public domain;
- camera (Lav Varshney), chelsea and clock_motion (Stefan van der Walt), coffee (Rachel
  Michetti), retina (Mikael Haggstrom): CC0 or public domain by the photographer;
- moon: part of the library since its first releases, no restriction given;
- brick, grass, gravel: CC0 textures; ihc (Center for Microscopy and Molecular Imaging): no known
  copyright restrictions.

Each photo belongs to one split.
"""

from __future__ import annotations

import colorsys
from functools import cache
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
import skimage

from mmdense.data.collage.split import SplitSampler

PHOTOS = {
    "train": (
        "astronaut.png", "coffee.png", "ihc.png", "hubble_deep_field.jpg", "grass.png",
        "camera.png",
    ),
    "val": ("chelsea.png", "gravel.png", "clock_motion.png"),
    "test": ("rocket.jpg", "brick.png", "retina.jpg", "moon.png"),
}  # fmt: skip
_GREY = {"grass.png", "camera.png", "gravel.png", "clock_motion.png", "brick.png", "moon.png"}


@cache
def load_photo(name: str) -> np.ndarray:
    """Return a photo of the scikit-image wheel, RGB uint8 `[H, W, 3]`, at most 1000 px wide.

    Raises:
        FileNotFoundError: The installed scikit-image does not contain the photo.
    """
    path = Path(skimage.__file__).parent / "data" / name
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise FileNotFoundError(
            f"{path}: no such file. Collage needs this photo from the scikit-image wheel, but the "
            f"installed scikit-image {version('scikit-image')} does not contain it. Run "
            "`pip install --force-reinstall --no-deps scikit-image`."
        )
    if name == "retina.jpg":
        photo = photo[260:1150, 260:1150]  # inside the black frame  # [890, 890, 3]
    return np.ascontiguousarray(photo[..., ::-1])


def random_crop(
    sampler: SplitSampler, *, height: int, width: int, smallest: float = 0.35
) -> np.ndarray:
    """Return a random crop of a photo of the split, randomly flipped, transposed and coloured.

    `smallest` is the minimum side relative to the largest possible crop. The result is RGB float32
    `[height, width, 3]`, 0 to 255.
    """
    rng = sampler.rng
    names = PHOTOS[sampler.split]
    name = names[int(rng.integers(len(names)))]
    photo = load_photo(name)
    on_side, mirrored = rng.random() < 0.5, rng.random() < 0.5
    if on_side:
        height, width = width, height
    rows, cols = photo.shape[:2]
    scale = min(rows / height, cols / width) * rng.uniform(smallest, 1.0)
    h, w = max(2, int(height * scale)), max(2, int(width * scale))
    y, x = int(rng.integers(rows - h + 1)), int(rng.integers(cols - w + 1))
    crop = cv2.resize(
        photo[y : y + h, x : x + w],
        (width, height),
        interpolation=cv2.INTER_AREA if h > height else cv2.INTER_LINEAR_EXACT,
    )
    if on_side:
        crop = crop.transpose(1, 0, 2)
    if mirrored:
        crop = crop[:, ::-1]
    if name in _GREY or rng.random() < 0.15:
        return _duotone(crop, sampler)
    # A random gain of each channel, as under another light.
    gain = np.array([sampler.uniform(0.7, 1.25) for _ in range(3)], np.float32)
    return np.minimum(crop.astype(np.float32) * gain, 255)


def random_colour(sampler: SplitSampler, *, dark: float = 0.3, bright: float = 1.0) -> np.ndarray:
    """Return a random RGB colour, float32 `[3]`, 0 to 255, with HSV value `dark` to `bright`."""
    hue, saturation = sampler.uniform(), sampler.uniform(0.25, 0.95)
    value = sampler.uniform(dark, bright)
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), np.float32) * 255


def _duotone(crop: np.ndarray, sampler: SplitSampler) -> np.ndarray:
    """Map grey values to the range between a dark colour and a bright, less saturated one."""
    low = random_colour(sampler, dark=0.1, bright=0.4)
    high = random_colour(sampler, dark=0.7, bright=1.0)
    high = high + (high.max() - high) * np.float32(0.5)
    grey = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)[..., None]  # [H, W, 1]
    grey = grey.astype(np.float32) / 255
    return low + (high - low) * grey  # [H, W, 3]
