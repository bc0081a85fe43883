"""Names and colours of the classes of a data set."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

__all__ = ["ClassList"]


@dataclass(frozen=True)
class ClassList:
    """Names and colours of classes by number, also for classes without a name.

    Attributes:
        names: Names of the classes, from 0 on.
        palette: Colours of the classes, from 0 on. RGB, uint8
        ignore_index: Value in a segmentation map that the loss ignores.
    """

    names: tuple[str, ...] = ()
    palette: tuple[tuple[int, ...], ...] = ()
    ignore_index: int = 255

    def name(self, number: int) -> str:
        """Return the name of a class."""
        return self.names[number] if number < len(self.names) else f"class {number}"

    def colour(self, number: int) -> tuple[int, int, int]:
        """Return the colour of the data set, else a hue from the golden ratio, RGB, uint8."""
        if number < len(self.palette):
            red, green, blue = self.palette[number]
        else:
            light = (0.95, 0.75)[number % 2]
            hue = number * 0.618034 % 1
            red, green, blue = (round(255 * x) for x in colorsys.hsv_to_rgb(hue, 0.75, light))
        return int(red), int(green), int(blue)
