"""Separate random parameters for each split of Collage.

The unit interval is divided into `SLOTS` equal slots, which are assigned to the splits in turn. A
texture or a shape instance draws each parameter (a hue, a stripe frequency, an aspect ratio) from
the slots of its split. So every split covers the whole range of each parameter, but objects of two
splits never share a value.
"""

from __future__ import annotations

import numpy as np

SPLITS = ("train", "val", "test")
SLOTS = 20
_DEAL = ("train", "val", "train", "test", "train")  # 60 %, 20 %, 20 %


class SplitSampler:
    """Random numbers of one image: `uniform` draws from the slots of the split, `rng` does not."""

    def __init__(self, rng: np.random.Generator, split: str) -> None:
        if split not in SPLITS:
            raise ValueError(f"unknown split {split!r}: use one of {', '.join(SPLITS)}")
        self.rng = rng
        self.split = split
        owners = [_DEAL[k % len(_DEAL)] for k in range(SLOTS)]
        self._slots = [k for k, owner in enumerate(owners) if owner == split]

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """Return a number between `low` and `high` from the slots of the split."""
        slot = self._slots[int(self.rng.integers(len(self._slots)))]
        # A margin of 0.1 % of a slot at each end keeps rounding inside the slot.
        u = (slot + 0.001 + 0.998 * self.rng.random()) / SLOTS
        return low + (high - low) * u
