"""What a data set module tells :mod:`mmdense.data.sets.prepare` about itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mmdense.data.sets.archive import FileTree

__all__ = ["DatasetSource", "SourceFormat"]


@dataclass(frozen=True)
class SourceFormat:
    """One form in which a data set is handed round.

    Attributes:
        title: How an error message calls it.
        archives: File names under which it is published, tried in this order.
        marker: A file that only this format has; it tells where the data begin.
        convert: Writes the canonical layout. Takes the opened source, the prefix above
            ``marker`` and the empty target folder; returns what ``prepared.json`` shall say beside
            the counts (dropped boxes, encoding). Raises ``ValueError`` or ``FileNotFoundError``
            with the name of the file at fault.
        md5: MD5 of those archives whose publisher states it. One that is named so and has another
            is refused.
    """

    title: str
    archives: tuple[str, ...]
    marker: str
    convert: Callable[[FileTree, str, Path], dict[str, object]]
    md5: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetSource:
    """A data set that :func:`mmdense.data.sets.prepare.prepare` can make.

    Attributes:
        home: What the publisher calls the data and where it is, for messages.
        counts: Images in each split when complete.
        count: Counts the images in each split of a canonical folder.
        formats: The forms that are read, the first found is taken.
    """

    home: str
    counts: dict[str, int]
    count: Callable[[Path], dict[str, int]]
    formats: tuple[SourceFormat, ...]
