"""Upright lines at the steps where something began, with its name."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

__all__ = ["ON_PAPER", "draw_marks"]

#: Behind a name, so that a curve through it leaves it readable; a page has its own white.
ON_PAPER: dict[str, Any] = {"facecolor": "#FFFFFF", "edgecolor": "none", "alpha": 0.6, "pad": 0.6}
_LOWEST, _HIGHER, _HIGHEST = 0.13, 0.22, 0.6  # of the axis: where names begin, run by run


def draw_marks(
    axes: Axes, marks_of_runs: Sequence[tuple[Sequence[tuple[float, str]], str]]
) -> None:
    """A line at each mark in the run's colour; what runs share is drawn once.

    The first mark of a name has it beside it, those of each run higher up than those before.

    Args:
        axes: Where to draw.
        marks_of_runs: Of each run its marks, as (step, name), and its colour.
    """
    drawn: set[tuple[float, str]] = set()
    height = _LOWEST
    for marks, colour in marks_of_runs:
        new = [mark for mark in marks if mark not in drawn]
        drawn |= set(new)
        first = {text: place for place, text in reversed(marks)}  # of each name
        for place, text in new:
            axes.axvline(place, color=colour, linewidth=1.0, linestyle=(0, (4, 2)), alpha=0.6)
            if first[text] != place:
                continue
            name = axes.annotate(
                text, (place, height), xycoords=axes.get_xaxis_transform(), xytext=(2, 0),
                textcoords="offset points", rotation=90, ha="left", va="bottom", fontsize=9,
                color=colour, bbox=ON_PAPER,
            )  # fmt: skip
            name.set_in_layout(False)
        if new and height < _HIGHEST:
            height += _HIGHER
