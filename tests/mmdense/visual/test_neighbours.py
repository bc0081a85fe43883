"""Nearest neighbours equal a sorted list of cosines; right and wrong ones are marked."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmdense.visual import neighbours_image
from mmdense.visual.drawn import NothingToDraw
from mmdense.visual.grid import GOOD, POOR
from mmdense.visual.neighbours_image import draw_neighbours, nearest
from tests.mmdense.visual.tiny_images import MeanColours, Preprocess, TinyImages, source
from tests.references.knn_loop import cosine


def nearest_loop(features, queries, k):
    result = []
    for query in queries:
        others = [i for i in range(len(features)) if i != query]
        others.sort(key=lambda i: (-cosine(features[query], features[i]), i))
        result.append(others[:k])
    return result


@pytest.mark.parametrize(("number", "size", "k"), [(40, 7, 5), (3, 2, 2), (2, 4, 1)])
def test_equals_the_loop(number, size, k):
    features = torch.randn(number, size, generator=torch.Generator().manual_seed(number)).double()
    queries = [0, number // 2, number - 1]
    similar, index = nearest(features, queries, k)
    assert index.tolist() == nearest_loop(features.tolist(), queries, k)
    for row, query, values in zip(index.tolist(), queries, similar):
        expected = [cosine(features[query].tolist(), features[i].tolist()) for i in row]
        assert torch.allclose(values, torch.tensor(expected, dtype=torch.float64))


def test_copies_of_the_query_are_neighbours_and_it_is_none():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    similar, index = nearest(features, [4, 0, 3], 2)
    # Query 4 is not among the first three of its four equals, and is left out all the same.
    assert index.tolist() == [[0, 1], [1, 2], [0, 1]]
    assert similar.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_too_few_images_and_bad_features_are_named():
    features = torch.randn(3, 2, generator=torch.Generator().manual_seed(0))
    for k in (0, 3):
        with pytest.raises(ValueError, match="k must be from 1 to 2"):
            nearest(features, [0], k)
    features[1, 0] = torch.inf
    with pytest.raises(ValueError, match="NaN or infinity"):
        nearest(features, [0], 1)


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


def test_unlabelled_images_and_some_of_many(monkeypatch):
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


def test_unsuitable_images():
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
