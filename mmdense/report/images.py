"""Sections with images: sample predictions of all stages side by side, and images of each run.

Images are resized and encoded as WebP. Each section has a maximum size.
"""

import base64
import io
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

from mmdense.report.section import Notice, Section, part_heading, render
from mmdense.report.subjects import Part, Subject
from mmdense.visual.drawn import CAPTIONS, FOLDER

PREDICTIONS = "predictions"  # a folder, which mmdense.PredictionPicturesHook writes
_OPEN = 3  # predictions below a heading that are not folded
_LONGEST_PREDICTION, _LONGEST_IMAGE = 900, 1600  # pixels
_PREDICTION_BYTES, _IMAGE_BYTES = (
    2_500_000,
    3_000_000,
)  # bytes of all images of a section, before base64
_QUALITY = 80  # of WebP, out of 100
_MOST_PIXELS = 64_000_000  # of a file that is read; larger files are skipped


class EmbeddedImage(NamedTuple):
    """An image as WebP in a ``data:`` URI, its width and height in pixels, and its bytes."""

    uri: str
    width: int
    height: int
    size: int


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
    flat = Image.alpha_composite(white, image).convert("RGB")
    flat.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.save(buffer, "WEBP", quality=_QUALITY, method=4)
    content = buffer.getvalue()
    uri = f"data:image/webp;base64,{base64.b64encode(content).decode('ascii')}"
    return EmbeddedImage(uri, *flat.size, len(content))


def predictions_section(subjects: Sequence[Subject]) -> Section:
    """Return sample predictions of all stages of a task or group, side by side.

    For a variant with several seeds, the first seed with images is shown.
    """
    together: dict[str, dict[str, tuple[Part, Path]]] = defaultdict(dict)
    for part, folder in _folders(subjects, PREDICTIONS):
        together[part_heading(part.task, part.groups[0])].setdefault(part.line, (part, folder))
    notices: list[Notice] = []
    groups = [
        (heading, *_compared(parts.values(), _PREDICTION_BYTES // len(together), notices))
        for heading, parts in together.items()
    ]
    values = {"groups": groups, "open": _OPEN, "folder": PREDICTIONS}
    html = render("predictions.html", **values) if groups else ""
    return Section("predictions", "Sample predictions", html, tuple(notices))


def _compared(
    parts: Collection[tuple[Part, Path]], budget: int, notices: list[Notice]
) -> tuple[list[tuple[str, list[tuple[str, EmbeddedImage]]]], int]:
    """Return name and images of each sample, one from each part, and how many are left out."""
    names = sorted({path.name for _, folder in parts for path in folder.glob("*.png")})
    samples: list[tuple[str, list[tuple[str, EmbeddedImage]]]] = []
    for name in names:
        found = [(p.line, _read(f / name, _LONGEST_PREDICTION, p, notices)) for p, f in parts]
        images = [(line, image) for line, image in found if image is not None]
        size = sum(image.size for _, image in images)
        if samples and size > budget:
            break
        budget -= size
        samples.append((Path(name).stem, images))
    return samples, len(names) - len(samples)


def images_section(subjects: Sequence[Subject]) -> Section:
    """Return the images ``pictures/*.png`` of all parts, with titles from ``captions.json``.

    For a variant with several seeds, the first seed with images is shown.
    """
    notices: list[Notice] = []
    left = _IMAGE_BYTES
    folders = list(_folders(subjects, FOLDER))
    shown: dict[str, dict[str, Any]] = {}
    for part, folder in folders:
        if part.line in shown:
            continue
        captions = _captions(folder, part, notices)
        order = {name: number for number, name in enumerate(captions)}
        images, left_out = [], 0
        for file in sorted(folder.glob("*.png"), key=lambda f: (order.get(f.name, len(order)), f)):
            image = _read(file, _LONGEST_IMAGE, part, notices)
            if image is not None and image.size > left:
                left_out += 1
            elif image is not None:
                left -= image.size
                words = captions.get(file.name, {})
                title = words.get("title") or file.stem.replace("_", " ")
                images.append((image, title, words.get("caption", "")))
        heading = part.name if part.line == part.name else f"{part.line} ({part.name})"
        shown[part.line] = {"heading": heading, "images": images, "left_out": left_out}
    values = {
        "parts": shown.values(),
        "folder": FOLDER,
        "one_of_several": len(shown) < len(folders),
    }
    html = render("images.html", **values) if shown else ""
    return Section("images", "Images of the run", html, tuple(notices))


def _folders(subjects: Sequence[Subject], name: str) -> Iterator[tuple[Part, Path]]:
    """Yield the parts that have images in a folder of this name."""
    for part in (part for subject in subjects for part in subject.parts):
        if part.folder is not None and any((part.folder / name).glob("*.png")):
            yield part, part.folder / name


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
