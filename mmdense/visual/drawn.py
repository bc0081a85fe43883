"""An image with title and caption, or the reason why there is none."""

from typing import NamedTuple

from PIL import Image

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
