"""A finished image with title and caption, or the reason why there is none."""

from typing import NamedTuple

from PIL import Image

__all__ = ["CAPTIONS", "FOLDER", "Drawn", "NothingToDraw"]

#: Folder below that of a run, and the file in it that names each image:
#: ``{"file.png": {"title": "...", "caption": "..."}}``.
FOLDER = "pictures"
CAPTIONS = "captions.json"


class Drawn(NamedTuple):
    """An image with its words.

    Attributes:
        image: RGB.
        title: A few words.
        caption: What is shown, of which images and which layer, and what to look for.
    """

    image: Image.Image
    title: str
    caption: str


class NothingToDraw(Exception):  # noqa: N818 (it is no error)
    """This model or these images do not fit this kind of image; the message gives the reason."""
