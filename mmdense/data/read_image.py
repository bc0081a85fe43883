"""Image decoding whose errors name the file.

8-bit images are bit-identical to those of ``mmcv.imfrombytes`` with the OpenCV backend. The rules
for other images:

========================  ==========================================================================
EXIF orientation          JPEG and PNG are rotated, as in mmcv, unless ``color_type`` ends in
                          ``_ignore_orientation`` or is ``unchanged``. OpenCV always rotates TIFF
                          and never WebP. Boxes and maps must refer to the rotated image; see
                          :mod:`mmdense.data.checks.coco_images`.
16 bits                   The high byte (``value // 256``). Images of 12 bits stored in 16 become
                          dark, so scale them first. (mmcv rounds in colour TIFFs only.)
alpha, transparent index  Dropped; transparent pixels keep their stored colours.
grey, palette             Three channels.
CMYK JPEG                 Read with Adobe's inverted inks, as common programs write them.
float and signed TIFF     An error, since they have no standard range.
several frames            The first frame.
========================  ==========================================================================

OpenCV rejects JPEGs with missing pixels since 4.11. It does not detect a damaged JPEG that has its
end marker: libjpeg repairs it with a warning that OpenCV drops. PNG has checksums.
"""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
from mmcv.image.io import imread_flags
from PIL import Image

__all__ = ["COLOR_TYPES", "BrokenImageError", "decode_image", "missing_image", "read_image"]

COLOR_TYPES = tuple(imread_flags)

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_ENDS = {_JPEG: b"\xff\xd9", _PNG: b"IEND\xae\x42\x60\x82"}
_ADVICE = "copy it again from its source, or remove it from the data set"


class BrokenImageError(ValueError):
    """An image is missing or cannot be decoded; the message names the file.

    Attributes:
        reason: The fault.
        advice: The remedy.
    """

    reason: str = ""
    advice: str = ""

    @classmethod
    def of(cls, file: str, reason: str, advice: str = _ADVICE) -> BrokenImageError:
        """Return the error; the constructor takes one message, as PyTorch's data loaders need."""
        error = cls(f"{file}: {reason}; {advice}")
        error.reason, error.advice = reason, advice
        return error


def read_image(path: str | Path, color_type: str = "color") -> np.ndarray:
    """Return a local image as in :func:`decode_image`.

    Raises:
        BrokenImageError: The file does not exist or is not a complete image.
    """
    try:
        content = Path(path).read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        raise missing_image(path) from error
    return decode_image(content, str(path), color_type)


def missing_image(path: str | Path) -> BrokenImageError:
    """Return the error for a missing file."""
    advice = "check data_root and data_prefix, or remove its entry from the annotations"
    return BrokenImageError.of(str(path), "no such file", advice)


def decode_image(
    content: bytes, name: str, color_type: str = "color", *, short_side: int | None = None
) -> np.ndarray:
    """Return the decoded image.

    Args:
        content: The bytes of the file.
        name: Name of the file in errors.
        color_type: mmcv's names: ``color`` or ``grayscale``, also with ``_ignore_orientation``, or
            ``unchanged``.
        short_side: Decode a JPEG at 1/2, 1/4 or 1/8 of its size, the smallest whose short side has
            at least this many pixels. This is much faster. Not for ``unchanged``.

    Returns:
        uint8 ``[H, W, 3]`` BGR; ``[H, W]`` for ``grayscale``; for ``unchanged``, the channels and
        dtype of the file.

    Raises:
        BrokenImageError: The bytes are not a complete image.
    """
    flag = imread_flags[color_type]
    tiff = content.startswith(_TIFF) and color_type != "unchanged"
    if tiff:
        flag |= cv2.IMREAD_ANYDEPTH  # keep the dtype of the file
    if short_side is not None and content.startswith(_JPEG):
        flag |= _reduction(content, short_side)
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flag) if content else None
    except cv2.error as error:
        raise BrokenImageError.of(name, f"OpenCV cannot decode it ({error})") from error
    if image is None:
        raise BrokenImageError.of(name, _what_is_wrong(content))
    if not tiff or image.dtype == np.uint8:
        return image
    if image.dtype != np.uint16:
        reason = f"pixels are {image.dtype}, which has no standard range"
        raise BrokenImageError.of(name, reason, "save it with 8 or 16 bits per channel")
    return (image // 256).astype(np.uint8)


def _reduction(content: bytes, short_side: int) -> int:
    """Return OpenCV's flag for the largest reduction of a JPEG that keeps ``short_side`` pixels."""
    try:
        with Image.open(io.BytesIO(content)) as header:
            size = header.size
    except (OSError, Image.DecompressionBombError):
        return 0
    for divisor, flag in ((8, 64), (4, 32), (2, 16)):  # IMREAD_REDUCED_* without the colour flag
        if min(size) >= short_side * divisor:
            return flag
    return 0


def _what_is_wrong(content: bytes) -> str:
    """Return why the bytes are not a complete image."""
    if not content:
        return "the file is empty (0 bytes)"
    for kind, start in (("JPEG", _JPEG), ("PNG", _PNG)):
        if content.startswith(start):
            if _ENDS[start] in content[len(content) // 2 :]:  # not that of a thumbnail
                return f"the {kind} is damaged"
            return f"the {kind} is truncated after {len(content):,} bytes: its end is missing"
    if content.startswith((*_TIFF, b"RIFF", b"BM", b"GIF8", b"P5", b"P6")):
        return f"the image is truncated or damaged ({len(content):,} bytes)"
    return f"not an image of a known format (it starts with {content[:12]!r})"
