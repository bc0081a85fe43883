"""Neighbours with their classes, right ones marked by a sign and a frame."""

import mmdense  # noqa: F401

# isort: split
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmdense.visual import neighbours_image
from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.grid import GOOD, POOR
from mmdense.visual.neighbours_image import draw_neighbours
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess, TinyImages, source


class ByClass(TinyImages):
    """Image i is all of one colour, that of its class; the last two are swapped."""

    def __getitem__(self, index):
        record = super().__getitem__(index)
        shown = {self.size - 1: self.size - 2, self.size - 2: self.size - 1}.get(index, index)
        record["inputs"] = torch.zeros(3, 24, 32, dtype=torch.uint8)
        record["inputs"][shown % 3] = 250 - shown
        return record


def has(image, colour):
    return (np.asarray(image) == colour).all(axis=-1).any()


def test_right_and_wrong_neighbours(monkeypatch):
    monkeypatch.setattr(neighbours_image, "_NEIGHBOURS", 2)
    images = source(labelled=True)
    images.dataset = ByClass(size=9, labelled=True)
    drawn = draw_neighbours(MeanColours(), Preprocess(), images)
    assert "6 queries on the left, each with the 2 images" in drawn.caption
    assert "among all 9 images of the validation set" in drawn.caption
    # Queries 0, 2, 3, 5, 6, 8 have classes 0, 2, 0, 2, 0, 2. Each class has three images, and 0 is
    # as it should be: 2 + 2 + 2 neighbours are right. 7 looks as class 2 and 8 as class 1: 2 and 5
    # have one right neighbour each (5, 2) and 7, and 8 has 1 and 4, both wrong. So 8 of 12; by
    # chance 6 * 2 * 2 / 8 = 3.
    assert (
        "8 of 12 neighbours have the class of their query (about 3 expected by chance)"
        in drawn.caption
    )
    assert has(drawn.image, GOOD)
    assert has(drawn.image, POOR)


def test_unlabelled_images_and_a_share_of_many(monkeypatch):
    monkeypatch.setattr(neighbours_image, "_IMAGES", 20)
    monkeypatch.setattr(neighbours_image, "_BATCH", 3)
    drawn = draw_neighbours(MeanColours(pooled=True), Preprocess(), source(size=50))
    assert "20 evenly spaced images of the 50" in drawn.caption
    assert "by chance" not in drawn.caption
    assert not has(drawn.image, POOR)


def test_few_images_have_fewer_neighbours():
    drawn = draw_neighbours(MeanColours(), Preprocess(), source(size=3))
    assert "3 queries on the left, each with the 2 images" in drawn.caption


def test_images_of_many_sizes_and_the_batches_do_not_matter(monkeypatch):
    class Sizes(TinyImages):
        def __getitem__(self, index):
            record = super().__getitem__(index)
            record["inputs"] = record["inputs"][:, : 16 + 8 * (index // 2 % 2)]
            return record

    images = source()
    images.dataset = Sizes()
    together = draw_neighbours(MeanColours(), Preprocess(), images)
    monkeypatch.setattr(neighbours_image, "_BATCH", 1)
    alone = draw_neighbours(MeanColours(), Preprocess(), images)
    assert (np.asarray(together.image) == np.asarray(alone.image)).all()


def test_what_has_no_such_picture():
    with pytest.raises(NothingToDraw, match="two images"):
        draw_neighbours(MeanColours(), Preprocess(), source(size=1))

    class Boxed(TinyImages):
        def __getitem__(self, index):
            record = super().__getitem__(index)
            record["data_samples"].gt_instances = InstanceData()
            return record

    images = source()
    images.dataset = Boxed()
    with pytest.raises(NothingToDraw, match="boxes or segmentation maps"):
        draw_neighbours(MeanColours(), Preprocess(), images)
