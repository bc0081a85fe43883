"""Plots of the recall of proposals: over the IoU that is asked for, and over their number."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.records.plots import COLOURS, STYLE

__all__ = ["plot_recall"]


@mpl.rc_context(STYLE)
def plot_recall(
    curves: Mapping[str, Mapping[str, Any]], path: str | Path, *, budget: int, size: str = "all"
) -> Path:
    """Draw recall over IoU beside average recall over the number of proposals, as a PNG.

    Args:
        curves: For each name of the legend what
            :func:`~mmdense.evaluation.recall.recall_curves` returns.
        path: File to write, whole or not at all; its folder is made.
        budget: Proposals of an image at which recall is drawn over IoU.
        size: Of the objects, a name of :data:`~mmdense.evaluation.recall.AREAS`.

    Raises:
        ValueError: There are no objects of this size, or no curve at this budget.
    """
    for name, one in curves.items():
        by_size = one["over_iou"]["recall"]
        if size not in by_size:
            raise ValueError(f"{name}: no objects of size {size!r}; there are {', '.join(by_size)}")
        if str(budget) not in by_size[size]:
            raise ValueError(
                f"{name}: no curve at {budget} proposals; there are {[*by_size[size]]}"
            )
    figure = Figure(figsize=(10.6, 3.9))
    left, right = figure.subplots(1, 2)
    for number, (name, one) in enumerate(curves.items()):
        style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "marker": "o"}
        style |= {"markersize": 4, "clip_on": False, "zorder": 3}  # dots at 0 and 1 stay whole
        over_iou, over_number = one["over_iou"], one["over_proposals"]
        left.plot(over_iou["iou"], over_iou["recall"][size][str(budget)], label=name, **style)
        right.plot(over_number["proposals"], over_number["average_recall"][size], **style)
    of = "objects" if size == "all" else f"{size} objects"
    left.set(xlabel="IoU that a proposal must reach", ylabel=f"recall of {of}")
    right.set(xlabel="proposals of an image", ylabel=f"average recall of {of}")
    for axes, title in ((left, f"{budget} proposals of an image"), (right, "IoU 0.5 to 0.95")):
        axes.set_ylim(0, 1)
        axes.set_title(title)
    left.xaxis.set_major_locator(MultipleLocator(0.1))
    right.set_xscale("log")
    right.xaxis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:,.0f}"))
    figure.legend(
        *left.get_legend_handles_labels(), loc="outside lower center", ncols=min(len(curves), 4)
    )
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    write_atomically(drawn.getvalue(), path)
    return Path(path)
