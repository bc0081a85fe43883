"""A picture inside the page: bounded in size, encoded again, with words beside it.

Letters: H rows, W columns of pixels.
"""

import base64
import io
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

__all__ = ["EmbeddedPicture", "embed"]

_QUALITY = 80  # of WebP, out of 100
_MOST_PIXELS = 64_000_000  # of a file that is opened; larger ones are no picture for a page


class EmbeddedPicture(NamedTuple):
    """A picture as WebP.

    Attributes:
        data: The file's bytes.
        width: In pixels, as embedded.
        height: In pixels, as embedded.
    """

    data: bytes
    width: int
    height: int

    def html(self, alt: str) -> str:
        """An ``<img>`` that is decoded beside the page, and there when it is printed."""
        text = base64.b64encode(self.data).decode("ascii")
        return (
            f'<img src="data:image/webp;base64,{text}" alt="{escape(alt)}" width="{self.width}" '
            f'height="{self.height}" decoding="async">'
        )


def embed(path: Path, *, longest: int) -> EmbeddedPicture:
    """Read a picture and encode it anew.

    Args:
        path: PNG, JPEG or whatever Pillow reads; transparent pixels become white.
        longest: Pixels of its longer side at most; smaller ones keep their size.

    Raises:
        ValueError: It is no picture, broken, or too large; the message names the file.
    """
    name = f"{path.parent.name}/{path.name}"  # where all of it is told, a page names a machine
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise ValueError(f"{name} has {opened.width} x {opened.height} pixels, too many")
            image = opened.convert("RGBA")  # [H, W, 4]
    except (OSError, UnidentifiedImageError, SyntaxError) as error:
        raise ValueError(f"{name} is no picture that can be read") from error
    paper = Image.new("RGBA", image.size, "white")
    picture = Image.alpha_composite(paper, image).convert("RGB")  # [H, W, 3]
    picture.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=4)
    return EmbeddedPicture(buffer.getvalue(), *picture.size)
