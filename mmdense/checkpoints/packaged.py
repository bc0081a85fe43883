"""Weights that come inside an installed Python package: ``package://NAME/PATH/IN/IT``."""

import importlib.util
from pathlib import Path

__all__ = ["PACKAGE", "packaged_file"]

PACKAGE = "package://"


def packaged_file(address: str) -> Path:
    """The file that an address names; nothing of the package is run.

    Raises:
        FileNotFoundError: The package is not installed, or has no such file.
    """
    name, _, inside = address.removeprefix(PACKAGE).partition("/")
    found = importlib.util.find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise FileNotFoundError(
            f"{address}: there is no package {name}; try: pip install {name.replace('_', '-')}"
        )
    for folder in found.submodule_search_locations:
        if inside and (Path(folder) / inside).is_file():
            return Path(folder) / inside
    raise FileNotFoundError(f"{address}: the package {name} has no file {inside or 'of no name'}")
