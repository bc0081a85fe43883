"""How Collage keeps its splits apart: every looks-deciding number is dealt to one split.

The unit interval is cut into `SLOTS` equal slots, dealt to the splits in turn. A texture or a
shape instance draws each of its numbers (a hue, a stripe frequency, an aspect ratio, a depth of
star points) from slots of its own split only. So every split covers the whole range of looks
evenly, and still no object of one split has a single number in common with one of another.
"""

from __future__ import annotations

import numpy as np

SPLITS = ("train", "val", "test")
SLOTS = 20
_DEAL = ("train", "val", "train", "test", "train")  # three fifths, one fifth, one fifth


def split_of(u: float) -> str:
    """Name the split that owns the number `u` of the half-open unit interval."""
    if not 0.0 <= u < 1.0:
        raise ValueError(f"expected a number in [0, 1), got {u}")
    return _DEAL[int(u * SLOTS) % len(_DEAL)]


class SplitSampler:
    """Random numbers of one image; `rng` is free, `uniform` stays within the split's slots.

    Args:
        rng: The image's own generator.
        split: One of `SPLITS`.
    """

    def __init__(self, rng: np.random.Generator, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}; the splits are {', '.join(SPLITS)}")
        self.rng = rng
        self.split = split
        owners = [_DEAL[k % len(_DEAL)] for k in range(SLOTS)]
        self._slots = [k for k, owner in enumerate(owners) if owner == split]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Draw a number that decides looks; `(number - low) / (high - low)` is the split's."""
        slot = self._slots[int(self.rng.integers(len(self._slots)))]
        # A thousandth of a slot stays free at either end, so rounding cannot cross the border.
        u = (slot + 0.001 + 0.998 * self.rng.random()) / SLOTS
        return low + (high - low) * u
