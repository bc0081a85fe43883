"""What the models predict: the same image by all stages of a task, side by side."""

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mmdense.report.embedded_picture import embed
from mmdense.report.section import Notice, Section
from mmdense.report.sources import Part, Subject

__all__ = ["FOLDER", "predictions_section"]

FOLDER = "predictions"
_LONGEST = 900  # pixels
_BUDGET = 2_500_000  # bytes of all pictures of a page, before they become text
_OPEN = 3  # images of a task that are shown at once

_READING = (
    "The truth is on the left, the prediction on the right. Of a detector, boxes that score above "
    "0.3 are drawn, and the three best in any case."
)


def predictions_section(subjects: Sequence[Subject]) -> Section:
    """Sample predictions that ``mmdense.PredictionPicturesHook`` left, as many as there is room.

    Of the seeds of a variant, the first one that has pictures is shown.
    """
    by_task: dict[str, list[tuple[Part, Path]]] = defaultdict(list)
    for subject in subjects:
        for part in subject.parts:
            folder = part.folder / FOLDER if part.folder else None
            shown = [other.line for other, _ in by_task[part.task]]
            if folder and any(folder.glob("*.png")) and part.line not in shown:
                by_task[part.task].append((part, folder))
    notices: list[Notice] = []
    by_task = {task: parts for task, parts in by_task.items() if parts}
    share = _BUDGET // max(len(by_task), 1)
    html = "".join(_task(task, parts, share, notices) for task, parts in by_task.items())
    if html:
        html = f"<p>{escape(_READING)}</p>{html}"
    return Section("predictions", "Sample predictions", html, tuple(notices))


def _task(task: str, parts: Sequence[tuple[Part, Path]], budget: int, notices: list[Notice]) -> str:
    names = sorted({path.name for _, folder in parts for path in folder.glob("*.png")})
    images: list[str] = []
    for name in names:
        html, size = _image(name, parts, notices)
        if images and size > budget:
            break
        budget -= size
        images.append(html)
    title = task.replace("_", " ").capitalize()
    heading = f"<h3>{escape(title)}</h3>" if title else ""
    more = images[_OPEN:]
    plural = "s" if len(more) > 1 else ""
    folded = (
        f"<details><summary>{len(more)} more image{plural}</summary>{''.join(more)}</details>"
        if more
        else ""
    )
    left = len(names) - len(images)
    said = f'<p class="note">{left} more stand in {FOLDER}/ of each stage.</p>' if left else ""
    return f"{heading}{''.join(images[:_OPEN])}{folded}{said}"


def _image(name: str, parts: Sequence[tuple[Part, Path]], notices: list[Notice]) -> tuple[str, int]:
    """One image by all parts that have it, and how many bytes the pictures are."""
    stem = Path(name).stem
    figures, size = [], 0
    for part, folder in parts:
        if not (folder / name).is_file():
            continue
        try:
            picture = embed(folder / name, longest=_LONGEST)
        except ValueError as error:
            notices.append(Notice("unsure", f"{part.name}: {error}."))
            continue
        size += len(picture.data)
        alt = f"Image {stem}: truth and what {part.line} predicts"
        figures.append(
            f"<figure>{picture.html(alt)}<figcaption>{escape(part.line)}</figcaption></figure>"
        )
    return (
        f'<p class="image-name">{escape(stem)}</p><div class="shots">{"".join(figures)}</div>',
        size,
    )
