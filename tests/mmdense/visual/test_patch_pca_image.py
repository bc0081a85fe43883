"""Images and their colours stand side by side."""

import numpy as np
import pytest

from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.patch_pca_image import draw_patch_pca
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess, source


@pytest.mark.parametrize(("size", "shown"), [(40, "9 evenly spaced"), (2, "all 2 images")])
def test_pairs_and_caption(size, shown):
    drawn = draw_patch_pca(MeanColours(), Preprocess(), source(size=size))
    assert shown in drawn.caption
    assert "feature map of the backbone (MeanColours, 3 channels)" in drawn.caption
    assert "arXiv:2304.07193" in drawn.caption
    again = draw_patch_pca(MeanColours(), Preprocess(), source(size=size))
    assert (np.asarray(again.image) == np.asarray(drawn.image)).all()


def test_the_map_lies_as_its_image():
    # The middle of the cells of the map, 4 wide and 3 high, in a panel 240 wide and 180 high, that
    # begins at 14 + 240 + 6; neighbouring cells differ, a cell is one colour.
    pixels = np.asarray(draw_patch_pca(MeanColours(), Preprocess(), source()).image)
    panel = pixels[31 : 31 + 180, 260 : 260 + 240].astype(int)
    cells = panel.reshape(3, 60, 4, 60, 3).transpose(0, 2, 1, 3, 4)
    assert (np.ptp(cells, axis=(2, 3)) == 0).all()
    assert (np.abs(np.diff(cells[:, :, 0, 0], axis=1)).sum(axis=-1) > 0).all()


def test_vectors_have_no_such_picture():
    with pytest.raises(NothingToDraw, match="not a map"):
        draw_patch_pca(MeanColours(pooled=True), Preprocess(), source())
