"""An image with title and caption, or the reason why there is none, and a folder of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.visual.grid import png_bytes

#: Folder in a work directory, and the file in it with the title and caption of each image:
#: ``{"file.png": {"title": "...", "caption": "..."}}``.
FOLDER = "pictures"
CAPTIONS = "captions.json"


class Drawn(NamedTuple):
    """An RGB image with a short title, and a caption on its content and how to interpret it."""

    image: Image.Image
    title: str
    caption: str


class NothingToDraw(Exception):  # noqa: N818 (it is no error)
    """The model or the data do not support this kind of image; the message has the reason."""


class Written(NamedTuple):
    """Title and caption of each file that was written, and why others were not."""

    captions: dict[str, dict[str, str]]
    left_out: dict[str, str]


def write_images(images: Mapping[str, Callable[[], Drawn]], folder: Path) -> Written:
    """Draw images, and write them and :data:`CAPTIONS` to a folder, which is created.

    Args:
        images: Functions that draw, by the name of the file.
        folder: Folder of the files.
    """
    done = Written({}, {})
    for name, draw in images.items():
        try:
            drawn = draw()
        except NothingToDraw as reason:
            done.left_out[name] = str(reason)
            continue
        write_atomically(png_bytes(drawn.image), folder / name)
        done.captions[name] = {"title": drawn.title, "caption": drawn.caption}
    text = json.dumps(done.captions, indent=1, ensure_ascii=False) + "\n"
    write_atomically(text.encode(), folder / CAPTIONS)
    return done
