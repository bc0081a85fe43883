"""Sections with images: sample predictions of all stages side by side, and images of each run.

Images are resized and encoded as WebP. Each section has a maximum size in bytes.
"""

import base64
import io
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from mmdense.report.render import render
from mmdense.report.section import Notice, Section, part_heading
from mmdense.report.subjects import Part, Subject
from mmdense.visual.drawn import CAPTIONS, FOLDER

__all__ = ["PREDICTIONS", "EmbeddedImage", "embed", "pictures_section", "predictions_section"]

PREDICTIONS = "predictions"  # a folder, which mmdense.PredictionPicturesHook writes
_OPEN = 3  # predictions below a heading that are not folded
_LONGEST_PREDICTION, _LONGEST_PICTURE = 900, 1600  # pixels
_PREDICTIONS, _PICTURES = 2_500_000, 3_000_000  # bytes of all images of a section, before base64
_QUALITY = 80  # of WebP, out of 100
_MOST_PIXELS = 64_000_000  # of a file that is read; larger files are skipped


class EmbeddedImage(NamedTuple):
    """An image as WebP in a ``data:`` URI, its width and height in pixels, and its bytes."""

    uri: str
    width: int
    height: int
    size: int


class _Shot(NamedTuple):
    """One image with the predictions of several stages."""

    name: str
    pictures: list[tuple[str, EmbeddedImage]]


class _Group(NamedTuple):
    heading: str
    shots: list[_Shot]
    left_out: int


class _Pictures(NamedTuple):
    """Images of one part, each with its title and caption."""

    heading: str
    pictures: list[tuple[EmbeddedImage, str, str]]
    left_out: int


def embed(path: Path, *, longest: int) -> EmbeddedImage:
    """Read an image and encode it as WebP.

    Args:
        path: Any format that Pillow reads; transparent pixels become white.
        longest: Maximum length of the longer side in pixels; smaller images keep their size.

    Raises:
        ValueError: The file is not an image, is broken or too large; the message names the file.
    """
    name = f"{path.parent.name}/{path.name}"  # an absolute path would be private
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError(
                    f"{name}: {opened.width} x {opened.height} pixels, more than {_MOST_PIXELS:,}"
                )
            image = opened.convert("RGBA")
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise ValueError(f"{name}: the image cannot be read") from error
    white = Image.new("RGBA", image.size, "white")
    picture = Image.alpha_composite(white, image).convert("RGB")
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    content = buffer.getvalue()
    uri = f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
    return EmbeddedImage(uri, *picture.size, len(content))


def predictions_section(subjects: Sequence[Subject]) -> Section:
    """Return sample predictions of all stages of a task or group, side by side.

    For a variant with several seeds, the first seed with images is shown.
    """
    together: dict[str, list[tuple[Part, Path]]] = defaultdict(list)
    for part in (part for subject in subjects for part in subject.parts):
        heading = part_heading(part.task, part.groups[0])
        folder = part.folder / PREDICTIONS if part.folder else None
        shown = [other.line for other, _ in together[heading]]
        if folder and any(folder.glob("*.png")) and part.line not in shown:
            together[heading].append((part, folder))
    notices: list[Notice] = []
    together = {heading: parts for heading, parts in together.items() if parts}
    share = _PREDICTIONS // max(len(together), 1)
    groups = [_group(heading, parts, share, notices) for heading, parts in together.items()]
    values = {"groups": groups, "open": _OPEN, "folder": PREDICTIONS}
    html = render("predictions.html", **values) if groups else ""
    return Section("predictions", "Sample predictions", html, tuple(notices))


def _group(
    heading: str, parts: Sequence[tuple[Part, Path]], budget: int, notices: list[Notice]
) -> _Group:
    names = sorted({path.name for _, folder in parts for path in folder.glob("*.png")})
    shots: list[_Shot] = []
    for name in names:
        pictures = []
        for part, folder in parts:
            picture = _read(folder / name, _LONGEST_PREDICTION, part, notices)
            if picture is not None:
                pictures.append((part.line, picture))
        size = sum(picture.size for _, picture in pictures)
        if shots and size > budget:
            break
        budget -= size
        shots.append(_Shot(Path(name).stem, pictures))
    return _Group(heading, shots, len(names) - len(shots))


def pictures_section(subjects: Sequence[Subject]) -> Section:
    """Return the images ``pictures/*.png`` of all parts, with titles from ``captions.json``.

    For a variant with several seeds, the first seed with images is shown.
    """
    notices: list[Notice] = []
    left = _PICTURES
    shown: dict[str, _Pictures] = {}
    parts = [part for subject in subjects for part in subject.parts]
    having = [part for part in parts if part.folder and any((part.folder / FOLDER).glob("*.png"))]
    for part in having:
        if part.line not in shown:
            shown[part.line] = _pictures_of(part, left, notices)
            left -= sum(picture.size for picture, _, _ in shown[part.line].pictures)
    values = {"parts": list(shown.values()), "folder": FOLDER}
    html = render("pictures.html", one_of_several=len(shown) < len(having), **values)
    return Section("pictures", "Images of the run", html if shown else "", tuple(notices))


def _pictures_of(part: Part, budget: int, notices: list[Notice]) -> _Pictures:
    assert part.folder is not None
    folder = part.folder / FOLDER
    captions = _captions(folder, part, notices)
    files = sorted(folder.glob("*.png"))
    named = [folder / name for name in captions if folder / name in files]
    pictures, left_out = [], 0
    for file in [*named, *(file for file in files if file not in named)]:
        picture = _read(file, _LONGEST_PICTURE, part, notices)
        if picture is None:
            continue
        if picture.size > budget:
            left_out += 1
            continue
        budget -= picture.size
        words = captions.get(file.name, {})
        title = words.get("title") or file.stem.replace("_", " ")
        pictures.append((picture, title, words.get("caption", "")))
    heading = part.name if part.line == part.name else f"{part.line} ({part.name})"
    return _Pictures(heading, pictures, left_out)


def _captions(folder: Path, part: Part, notices: list[Notice]) -> Mapping[str, dict[str, str]]:
    """Return titles and captions by file name, in file order; empty if they cannot be read."""
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
        text = f"{part.name}: {FOLDER}/{CAPTIONS} does not map file names to captions ({error})."
        notices.append(Notice("unsure", f"{text} The images have no captions."))
        return {}


def _read(file: Path, longest: int, part: Part, notices: list[Notice]) -> EmbeddedImage | None:
    """Return an image, or None if there is no file or it is broken; the latter adds a notice."""
    if not file.is_file():
        return None
    try:
        return embed(file, longest=longest)
    except ValueError as error:
        notices.append(Notice("unsure", f"{part.name}: {error}."))
        return None
