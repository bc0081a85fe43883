"""Many views of one recipe."""

import pytest
import torch

import mmdense  # noqa: F401
from mmdense.data.views.repeated_view_preprocessor import RepeatedViewPreprocessor

OPTIONS = {"size": 8, "mean": (0.0,) * 3, "std": (255.0,) * 3, "to_rgb": False}


def test_as_many_different_views_as_asked_for():
    images = torch.randint(0, 256, (2, 3, 12, 12), dtype=torch.uint8)
    made = RepeatedViewPreprocessor(num_views=5, **OPTIONS)({"inputs": images}, training=True)
    assert [tuple(view.shape) for view in made["inputs"]] == [(2, 3, 8, 8)] * 5
    assert not torch.equal(made["inputs"][0], made["inputs"][4])


def test_bad_options():
    with pytest.raises(TypeError, match="second_view: all views"):
        RepeatedViewPreprocessor(num_views=5, second_view={}, **OPTIONS)
    with pytest.raises(ValueError, match="num_views=0 is below 1"):
        RepeatedViewPreprocessor(num_views=0, **OPTIONS)
