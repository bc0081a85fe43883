"""A record by its file, by its folder, or by its name below ``results/``."""

from pathlib import Path

from mmdense.records.record import FILE_NAME, Record, RecordError, load

__all__ = ["find_file", "find_record"]

_RESULTS = Path("results")


def find_record(path: str | Path) -> Record:
    """Read a record by its file, by its folder, or by its name below ``results/``.

    Raises:
        RecordError: There is none, or it cannot be read.
    """
    return load(find_file(path))


def find_file(path: str | Path) -> Path:
    """The file of a record; as :func:`find_record`, which reads it.

    Raises:
        RecordError: There is none; the message says where it was looked for.
    """
    path = Path(path)
    places = (path, path / FILE_NAME, _RESULTS / path / FILE_NAME)
    for place in places:
        if place.is_file():
            return place
    if path.is_dir():
        below = sorted({*path.glob(f"*/{FILE_NAME}"), *path.glob(f"*/*/{FILE_NAME}")})
        runs = ", ".join(str(file.parent) for file in below[:3])
        hint = (
            f"its parts have records ({runs}{', ...' if len(below) > 3 else ''}): give those, or "
            "let the pipeline or the study end, which writes its own"
            if below
            else "a run writes one with custom_hooks = [dict(type='mmdense.RecordHook')]"
        )
    else:
        hint = "give a work directory, or the folder or file of a record"
    looked = f"{FILE_NAME} in it and {places[2]}" if path.is_dir() else f"it and {places[2]}"
    raise RecordError(f"{path}: no record found; looked for {looked}; {hint}")
