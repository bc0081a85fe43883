"""Proposals that meet an object look unlike the others, and are counted."""

import mmdense  # noqa: F401

# isort: split
import numpy as np
import pytest

from mmdense.visual.chosen_images import ImageSource
from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.grid import GOOD, POOR
from mmdense.visual.proposals_image import draw_proposals
from tests.mmdense.visual.tiny_detector import BoxedImages, Detector
from tests.mmdense.visual.tiny_images import TinyImages, source


def columns_of(image, colour, row):
    """Places in a row of pixels that have this colour."""
    return np.flatnonzero((np.asarray(image)[row] == colour).all(axis=-1))


def test_lines_and_counts():
    drawn = draw_proposals(Detector(), ImageSource(BoxedImages(), "val"))
    assert "on 6 evenly spaced images of the 8 in" in drawn.caption
    assert "The first proposals of Head" in drawn.caption
    assert "recall at IoU 0.5 of 20 proposals: 6 of 12 objects" in drawn.caption
    # A panel is 240 wide for a file of 96, so the first box ends at 20 * 2.5 = 50, in the second
    # panel, which begins at 14 + 240 + 6; cells begin at 31.
    left, top = 260, 31
    inside = columns_of(drawn.image, GOOD, top + 48)  # its line is two pixels thick
    assert set(range(left, left + 50)) <= set(inside.tolist())
    thin = columns_of(drawn.image, POOR, top + 99)  # of the second box, 100 wide
    assert set(range(left, left + 100)) <= set(thin.tolist())
    assert not len(set(columns_of(drawn.image, POOR, top + 98)) & set(range(left + 2, left + 98)))


def test_few_images_and_none_to_draw():
    drawn = draw_proposals(Detector(), ImageSource(BoxedImages(size=1), "test"))
    assert "on the one test image" in drawn.caption
    assert drawn.image.width < 800
    with pytest.raises(NothingToDraw, match="TinyImages has no boxes"):
        draw_proposals(Detector(), ImageSource(TinyImages(), "val"))
    with pytest.raises(NothingToDraw, match="makes no proposals"):
        draw_proposals(object(), source())
