"""From the bytes of a picture to an array, or to an error that names the file.

A normal 8-bit picture comes out to the last bit as from ``mmcv.imfrombytes`` with its OpenCV
backend, which does the decoding. The rules for the others:

========================  ==========================================================================
EXIF orientation          JPEG and PNG are turned, as mmcv does, unless ``color_type`` ends in
                          ``_ignore_orientation`` or is ``unchanged``. TIFF is always turned, WebP
                          never: OpenCV reads them so. Boxes and maps of a turned picture must be
                          those of the turned frame: see :mod:`mmdense.data.checks.coco_images`.
16 bits                   The high byte (``value // 256``). Pictures of 12 bits stored in 16 become
                          dark: scale them before. (mmcv rounds in a colour TIFF, and there alone.)
alpha, transparent index  Dropped; the stored colours stay, also where nothing was to be seen.
grey, palette             Three channels.
CMYK JPEG                 Adobe's inverted inks, as every common writer stores them.
float and signed TIFF     An error: they have no agreed range.
several frames            The first.
========================  ==========================================================================

A JPEG that was cut off is found by its missing end marker, whatever follows the picture in the
file: from OpenCV 4.11 on the decoder refuses it, before it filled the missing rows silently. The
search takes less than 1 % of the time of decoding. It cannot see a JPEG damaged in the middle that
still has its end: libjpeg mends it with a warning that OpenCV does not pass on. PNG has checksums.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from mmcv.image.io import imread_flags

__all__ = ["COLOR_TYPES", "BrokenImageError", "decode_image", "missing_image", "read_image"]

COLOR_TYPES = tuple(imread_flags)

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_PNG_END = b"IEND\xae\x42\x60\x82"  # the last chunk, with its checksum
_SCAN, _END = 0xDA, b"\xff\xd9"  # JPEG markers
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ADVICE = "copy it again from its source, or remove it from the data set"


class BrokenImageError(ValueError):
    """An image that is missing or cannot be decoded; the message names the file.

    Attributes:
        reason: What is wrong.
        advice: What to do.
    """

    reason: str = ""
    advice: str = ""

    @classmethod
    def of(cls, file: str, reason: str, advice: str = _ADVICE) -> BrokenImageError:
        """Return the error; the constructor takes a message alone, as data loaders need it."""
        error = cls(f"{file}: {reason}; {advice}")
        error.reason, error.advice = reason, advice
        return error


def read_image(path: str | Path, color_type: str = "color") -> np.ndarray:
    """Read a local picture.

    Args:
        path: File.
        color_type: As for :func:`decode_image`.

    Returns:
        As :func:`decode_image`.

    Raises:
        BrokenImageError: There is no such file, or it is not a whole picture.
    """
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise missing_image(path) from error
    return decode_image(content, str(path), color_type)


def missing_image(path: str | Path) -> BrokenImageError:
    """The error for a path without a file."""
    advice = "check data_root and data_prefix, or remove its entry from the annotations"
    return BrokenImageError.of(str(path), "there is no such file", advice)


def decode_image(
    content: bytes, name: str, color_type: str = "color", *, short_side: int | None = None
) -> np.ndarray:
    """Decode a picture by the rules above.

    Args:
        content: The bytes of the file.
        name: What to call the file in an error.
        color_type: mmcv's names: ``color``, ``grayscale``, both also with
            ``_ignore_orientation``, and ``unchanged``.
        short_side: Decode a JPEG at 1/2, 1/4 or 1/8 of its size where its short side keeps at least
            so many pixels; its decoder then leaves out most of the work. Not for ``unchanged``.

    Returns:
        uint8 ``[H, W, 3]`` BGR; ``[H, W]`` where ``color_type`` is a grey one; for ``unchanged``
        the channels and the number format of the file.

    Raises:
        BrokenImageError: The bytes are not a whole picture.
    """
    flag = imread_flags[color_type]
    tiff = content.startswith(_TIFF) and color_type != "unchanged"
    if tiff:
        flag |= cv2.IMREAD_ANYDEPTH  # show the number format of the file
    if short_side is not None and content.startswith(_JPEG):
        flag |= _reduction(_jpeg_size(content), short_side)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flag) if content else None
    except cv2.error as error:
        raise BrokenImageError.of(name, f"OpenCV cannot decode it ({error})") from error
    if image is None or (content.startswith(_JPEG) and not _jpeg_has_end(content)):
        raise BrokenImageError.of(name, _what_is_wrong(content))
    if not tiff or image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16:
        reason = f"pixels are {image.dtype}, which has no agreed range"
        raise BrokenImageError.of(name, reason, "save it with 8 or 16 bits a channel")
    return (image // 256).astype(np.uint8)


def _jpeg_has_end(content: bytes) -> bool:
    """Whether an end marker follows the first scan. Coded data has no such two bytes.

    The search starts behind the headers, because a thumbnail in them has an end marker too.
    """
    for marker, place in _jpeg_headers(content):
        if marker == _SCAN:
            return content.rfind(_END, place) >= 0  # found at once in most files
    return False


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Height and width; 0 and 0 where no header says them."""
    for marker, place in _jpeg_headers(content):
        if marker in _FRAMES:  # length (2 bytes), bits (1), height (2), width (2)
            sides = content[place + 5 : place + 9]
            return int.from_bytes(sides[:2], "big"), int.from_bytes(sides[2:], "big")
    return 0, 0


def _jpeg_headers(content: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of each header up to the first scan."""
    place = 2
    while content[place : place + 1] == b"\xff" and place + 1 < len(content):
        marker = content[place + 1]
        yield marker, place
        if marker == _SCAN:
            return
        # 0xFF is a fill byte; any other marker of a header is followed by its length.
        place += 1 if marker == 0xFF else 2 + int.from_bytes(content[place + 2 : place + 4], "big")


def _reduction(size: tuple[int, int], short_side: int) -> int:
    """The flag of OpenCV for the largest reduction that leaves ``short_side`` pixels."""
    for divisor, flag in ((8, 64), (4, 32), (2, 16)):  # IMREAD_REDUCED_*, without the colour
        if min(size) >= short_side * divisor:
            return flag
    return 0


def _what_is_wrong(content: bytes) -> str:
    """A short reason why the bytes are not a whole picture."""
    if not content:
        return "the file is empty (0 bytes)"
    if content.startswith(_JPEG):
        kind, whole = "JPEG", _jpeg_has_end(content)
    elif content.startswith(_PNG):
        kind, whole = "PNG", _PNG_END in content
    elif content.startswith((*_TIFF, b"RIFF", b"BM", b"GIF8", b"P5", b"P6")):
        return f"the picture is cut off or damaged ({len(content):,} bytes)"
    else:
        return f"this is not a picture of a known format (it starts with {content[:12]!r})"
    if whole:
        return f"the {kind} is damaged"
    return f"the {kind} is cut off after {len(content):,} bytes: its end is missing"
