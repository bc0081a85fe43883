"""Pictures that a run left of itself: ``<stage>/pictures/*.png``, told by ``captions.json``."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from mmdense.report.embedded_picture import embed
from mmdense.report.section import Notice, Section
from mmdense.report.sources import Part, Subject
from mmdense.visual.drawn import CAPTIONS, FOLDER

__all__ = ["pictures_section"]

_LONGEST = 1600  # pixels
_BUDGET = 3_000_000  # bytes of all pictures of a page, before they become text


def pictures_section(subjects: Sequence[Subject]) -> Section:
    """The pictures of all parts with their titles and captions, as many as there is room.

    Of the seeds of a variant, the first one that has pictures is shown.
    """
    notices: list[Notice] = []
    left = _BUDGET
    html: dict[str, str] = {}
    having = [part for subject in subjects for part in subject.parts if _has_pictures(part)]
    for part in having:
        if part.line in html:
            continue
        html[part.line], size = _part(part, left, notices)
        left -= size
    said = f'<p class="note">{_FIRST_SEED}</p>' if len(html) < len(having) else ""
    return Section("pictures", "Pictures of the run", said + "".join(html.values()), tuple(notices))


_FIRST_SEED = "Of the seeds of a variant one is shown, the first that has pictures."


def _has_pictures(part: Part) -> bool:
    return part.folder is not None and any((part.folder / FOLDER).glob("*.png"))


def _part(part: Part, budget: int, notices: list[Notice]) -> tuple[str, int]:
    """The pictures of one part within a budget of bytes, and how many they take."""
    assert part.folder is not None
    folder = part.folder / FOLDER
    captions = _captions(folder, part, notices)
    files = sorted(folder.glob("*.png"))
    told = [folder / name for name in captions if folder / name in files]
    figures, spent, out = [], 0, 0
    for file in [*told, *(file for file in files if file not in told)]:
        try:
            picture = embed(file, longest=_LONGEST)
        except ValueError as error:
            notices.append(Notice("unsure", f"{part.name}: {error}."))
            continue
        if spent + len(picture.data) > budget:
            out += 1
            continue
        spent += len(picture.data)
        words = captions.get(file.name, {})
        title = words.get("title") or file.stem.replace("_", " ")
        caption = words.get("caption", "")
        figures.append(
            f"<figure>{picture.html(f'{title}. {caption}'.strip())}<figcaption>"
            f"<strong>{escape(title)}</strong> {escape(caption)}</figcaption></figure>"
        )
    said = f'<p class="note">{out} more stand in {FOLDER}/ of the stage.</p>' if out else ""
    name = part.name if part.line == part.name else f"{part.line} ({part.name})"
    html = f'<h3>{escape(name)}</h3><div class="pictures">{"".join(figures)}</div>{said}'
    return html, spent


def _captions(folder: Path, part: Part, notices: list[Notice]) -> Mapping[str, dict[str, str]]:
    """Titles and captions by file, in the order of their file; empty where it cannot be read."""
    file = folder / CAPTIONS
    if not file.is_file():
        return {}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {
            str(name): {key: str(words[key]) for key in ("title", "caption") if key in words}
            for name, words in content.items()
        }
    except (ValueError, AttributeError, TypeError) as error:
        text = f"{part.name}: {FOLDER}/{CAPTIONS} is not an object of files ({error})."
        notices.append(Notice("unsure", f"{text} The pictures go without captions."))
        return {}
