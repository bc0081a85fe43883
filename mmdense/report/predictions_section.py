"""What the models predict: the same image by all stages of a task or group, side by side."""

from collections import defaultdict
from collections.abc import Sequence
from html import escape
from pathlib import Path

from mmdense.report.embedded_picture import embed
from mmdense.report.section import Notice, Section, part_heading
from mmdense.report.sources import Part, Subject

__all__ = ["FOLDER", "predictions_section"]

FOLDER = "predictions"
_LONGEST = 900  # pixels
_BUDGET = 2_500_000  # bytes of all pictures of a page, before they become text
_OPEN = 3  # images below a heading that are shown at once

_READING = (
    "The truth is on the left, the prediction on the right. Of a detector, boxes that score above "
    "0.3 are drawn, and the three best in any case."
)


def predictions_section(subjects: Sequence[Subject]) -> Section:
    """Sample predictions that ``mmdense.PredictionPicturesHook`` left, as many as there is room.

    Of the seeds of a variant, the first one that has pictures is shown.
    """
    together: dict[str, list[tuple[Part, Path]]] = defaultdict(list)
    for subject in subjects:
        for part in subject.parts:
            heading = part_heading(part.task, part.groups[0])
            folder = part.folder / FOLDER if part.folder else None
            shown = [other.line for other, _ in together[heading]]
            if folder and any(folder.glob("*.png")) and part.line not in shown:
                together[heading].append((part, folder))
    notices: list[Notice] = []
    together = {heading: parts for heading, parts in together.items() if parts}
    share = _BUDGET // max(len(together), 1)
    html = "".join(_images(*item, share, notices) for item in together.items())
    if html:
        html = f"<p>{escape(_READING)}</p>{html}"
    return Section("predictions", "Sample predictions", html, tuple(notices))


def _images(
    heading: str, parts: Sequence[tuple[Part, Path]], budget: int, notices: list[Notice]
) -> str:
    names = sorted({path.name for _, folder in parts for path in folder.glob("*.png")})
    images: list[str] = []
    for name in names:
        html, size = _image(name, parts, notices)
        if images and size > budget:
            break
        budget -= size
        images.append(html)
    title = f"<h3>{escape(heading)}</h3>" if heading else ""
    more = images[_OPEN:]
    plural = "s" if len(more) > 1 else ""
    folded = (
        f"<details><summary>{len(more)} more image{plural}</summary>{''.join(more)}</details>"
        if more
        else ""
    )
    left = len(names) - len(images)
    said = f'<p class="note">{left} more stand in {FOLDER}/ of each stage.</p>' if left else ""
    return f"{title}{''.join(images[:_OPEN])}{folded}{said}"


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
