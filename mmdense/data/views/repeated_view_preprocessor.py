"""Data preprocessor that makes many random views of each image."""

from __future__ import annotations

from typing import Any

from mmdense.data.views.two_view_preprocessor import TwoViewPreprocessor
from mmdense.registry import MODELS

__all__ = ["RepeatedViewPreprocessor"]


@MODELS.register_module()
class RepeatedViewPreprocessor(TwoViewPreprocessor):
    """As ``TwoViewPreprocessor``, with any number of views of one recipe.

    Args:
        num_views: Views of each image.
        kwargs: Those of ``TwoViewPreprocessor`` without ``second_view``.

    Raises:
        ValueError: Fewer than one view, or a value of the recipe out of range.
        TypeError: A key that is not known.
    """

    def __init__(self, *, num_views: int, **kwargs: Any) -> None:
        if "second_view" in kwargs:
            raise TypeError("second_view: all views of a RepeatedViewPreprocessor are alike")
        if num_views < 1:
            raise ValueError(f"num_views={num_views} is below 1")
        super().__init__(**kwargs)
        self.recipes = (self.recipes[0],) * num_views
