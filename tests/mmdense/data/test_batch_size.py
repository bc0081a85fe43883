from types import SimpleNamespace

import pytest

from mmdense.data.batch_size import batch_size

RUNNER = SimpleNamespace(train_dataloader=SimpleNamespace(batch_size=8))


@pytest.mark.parametrize(
    ("batch", "images"),
    [
        ({"inputs": [1, 2, 3], "data_samples": ["a", "b", "c"]}, 3),  # the last batch of an epoch
        ({"inputs": [[1, 2], [3, 4]], "data_samples": ["a", "b"]}, 2),  # two views of two images
        (([1, 2], [3, 4]), 8),
    ],
)
def test_number_of_images_in_a_batch(batch, images):
    assert batch_size(RUNNER, batch) == images
