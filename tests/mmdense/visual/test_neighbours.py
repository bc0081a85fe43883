"""Neighbours equal a sorted list of cosines, without the image itself."""

import pytest
import torch

from mmdense.visual.neighbours_image import nearest
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
