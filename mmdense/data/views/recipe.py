"""What a random view is drawn from."""

from __future__ import annotations

from dataclasses import dataclass, fields

__all__ = ["ViewRecipe"]


@dataclass(frozen=True)
class ViewRecipe:
    """Distributions of one view.

    Attributes:
        size: Height and width of the view in pixels.
        crop_scale: Area of the crop as a share of the image, least and most.
        crop_ratio: Width over height of the crop, least and most.
        flip_prob: Share of samples mirrored left to right.
        jitter_prob: Share of samples whose colours are changed.
        brightness: Factor from ``1 - brightness`` to ``1 + brightness``; the next two alike.
        contrast: See ``brightness``.
        saturation: See ``brightness``.
        hue: Shift in turns of the colour circle, from ``-hue`` to ``hue``; at most 0.5.
        gray_prob: Share of samples without colour.
        blur_prob: Share of samples blurred.
        blur_sigma: Standard deviation of the blur in pixels, least and most.
        solarize_prob: Share of samples whose bright pixels are inverted.
        solarize_threshold: Pixels from here on are inverted; from 0 to 1.

    Raises:
        ValueError: a value is out of its range; the message names it.
    """

    size: tuple[int, int]
    crop_scale: tuple[float, float] = (0.2, 1.0)
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip_prob: float = 0.5
    jitter_prob: float = 0.8
    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.4
    hue: float = 0.1
    gray_prob: float = 0.2
    blur_prob: float = 0.5
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    solarize_prob: float = 0.0
    solarize_threshold: float = 128 / 255

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_prob") and not 0 <= value <= 1:
                raise ValueError(f"{field.name}={value} is not a probability")
            if field.name in ("crop_scale", "crop_ratio", "blur_sigma") and not (
                len(value) == 2 and 0 < value[0] <= value[1]
            ):
                raise ValueError(f"{field.name}={value} is not (least, most) above 0")
            if field.name in ("brightness", "contrast", "saturation") and not 0 <= value <= 1:
                raise ValueError(f"{field.name}={value} is not from 0 to 1")
        if self.crop_scale[1] > 1:
            raise ValueError(f"crop_scale={self.crop_scale} asks for more than the image")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"hue={self.hue} is not from 0 to 0.5")
        if len(self.size) != 2 or min(self.size) < 1:
            raise ValueError(f"size={self.size} is not (height, width) in pixels")
