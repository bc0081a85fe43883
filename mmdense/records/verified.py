"""Whether present code repeats the first losses of a record: ``verified.json`` beside it.

The record itself stays as it was written.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from mmdense.records.record import RecordError, write_json

__all__ = ["Verified", "read_verified", "write_verified"]

_FILE_NAME = "verified.json"


@dataclass(frozen=True)
class Verified:
    """What the last ``tools/verify.py`` of a record found.

    Attributes:
        commit: Of the code that repeated the steps.
        date: When, UTC, ISO 8601.
        steps: Iterations of each training that were repeated, at most.
        largest_deviation: Largest difference of a loss, as a fraction of the recorded one.
        trainings: The same of each training.
    """

    commit: str
    date: str
    steps: int
    largest_deviation: float
    trainings: dict[str, float]


def read_verified(folder: str | Path) -> Verified | None:
    """What is known of the record in a folder; None of one that nobody has verified.

    Raises:
        RecordError: The file is broken.
    """
    path = Path(folder) / _FILE_NAME
    if not path.is_file():
        return None
    try:
        return Verified(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise RecordError(f"{path}: {error}; run tools/verify.py again") from error


def write_verified(verified: Verified, record: Path) -> Path:
    """Write it beside the file of a record; returns the path."""
    return write_json(asdict(verified), record.parent / _FILE_NAME)
