"""``projects`` is a namespace that several packages share, as long as none makes it a package."""

import sys
from importlib import metadata
from pathlib import Path

from mmdense.doctor.finding import Finding

__all__ = ["check_projects"]


def check_projects() -> Finding | None:
    """A ``projects/__init__.py`` anywhere on the path hides every other folder of that name."""
    for entry in sys.path:
        file = Path(entry or ".").absolute() / "projects" / "__init__.py"
        if file.is_file():
            owner = _owner(file)
            advice = f"delete {file}, or take {file.parents[1]} off the path (PYTHONPATH)"
            return Finding(
                "another package hides `projects`",
                f"{file}" + (f", of {owner}" if owner else ""),
                f"pip uninstall {owner}" if owner else advice,
            )
    return None


def _owner(file: Path) -> str | None:
    """The distribution that installed a file."""
    for distribution in metadata.distributions():
        listed = "projects/__init__.py" in map(str, distribution.files or [])
        if listed and Path(str(distribution.locate_file("projects/__init__.py"))) == file:
            return distribution.metadata["Name"]
    return None
