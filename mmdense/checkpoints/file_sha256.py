"""What a file holds, as a number: equal for equal bytes, whatever its name."""

import hashlib
from pathlib import Path

__all__ = ["file_sha256"]

_PIECE = 1 << 20


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, 64 digits; of any size, a piece at a time."""
    with path.open("rb") as file:
        if hasattr(hashlib, "file_digest"):
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()  # Python 3.10
        while piece := file.read(_PIECE):
            digest.update(piece)
        return digest.hexdigest()
