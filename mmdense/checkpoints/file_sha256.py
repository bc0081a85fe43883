"""The SHA-256 of a file."""

import hashlib
from pathlib import Path

__all__ = ["file_sha256"]

_PIECE = 1 << 20


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; large files are read in pieces."""
    with path.open("rb") as file:
        if hasattr(hashlib, "file_digest"):
            return hashlib.file_digest(file, "sha256").hexdigest()
        digest = hashlib.sha256()  # Python 3.10
        while piece := file.read(_PIECE):
            digest.update(piece)
        return digest.hexdigest()
