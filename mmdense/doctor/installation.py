"""Check the installation of mmdense: checkout or wheel, command, path, thread settings."""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mmdense.doctor.imports import run_python
from mmdense.doctor.report import Problem
from mmdense.package_files import ROOT
from mmdense.version import __version__, distribution_of

__all__ = [
    "check_checkout",
    "check_command",
    "check_files",
    "check_import_hook",
    "check_projects",
    "check_threads",
    "checkout_of",
]

_PACKAGE = Path(__file__).resolve().parents[1]
_WHERE = """
from importlib import util
spec = util.find_spec("mmdense")
print(spec.origin if spec else "")
"""


def check_checkout(folder: Path | None = None) -> Iterator[Problem]:
    """Check that scripts in ``tools/`` import the mmdense of their checkout.

    Args:
        folder: Folder in the checkout; by default the current folder.
    """
    root = checkout_of(folder or Path.cwd())
    if root is None:
        return
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = [str(Path(entry).absolute()) for entry in given]
    origin = run_python(_WHERE, path=path).stdout.strip()
    if not origin or Path(origin).resolve().parents[1] != root.resolve():
        yield Problem(
            "the tools of this checkout import another mmdense"
            if origin
            else "mmdense is not installed",
            f"the checkout is {root}; `import mmdense` gives {origin or 'nothing'}",
            f"pip install -c constraints.txt -e {root}",
        )


def check_import_hook() -> Iterator[Problem]:
    """Check that mmdense is not an editable install with an import hook of setuptools.

    A folder named mmdense next to a script, such as the checkout itself, would hide it: Python
    imports the folder as a namespace package before it calls the hook.
    """
    if any(re.match(r"__editable___mmdense\w*_finder$", name) for name in sys.modules):
        root = _PACKAGE.parent
        yield Problem(
            "a folder named mmdense can hide this installation",
            f"scripts in {root.parent} get an empty package from `import mmdense`",
            f"pip install -c constraints.txt -e {root}  # replaces the import hook by a path",
        )


def check_files() -> Iterator[Problem]:
    """Check that all installed files exist, and that their version is that of the code."""
    distribution = distribution_of("mmdense")
    files = (distribution.files if distribution else None) or []
    missing = [str(file) for file in files if not Path(str(file.locate())).is_file()]
    missing += [] if (ROOT / "tools/train.py").is_file() else [f"{ROOT}/tools/train.py"]
    if missing:
        yield Problem(
            "files of mmdense are missing",
            f"{len(missing)}, such as {missing[0]}",
            "pip install --force-reinstall --no-deps mmdense  # or the wheel or clone it came from",
        )
    if distribution and distribution.version != __version__:
        yield Problem(
            f"mmdense {distribution.version} is installed, but the code is {__version__}",
            "the command mmdense and the requirements are those of the installed version",
            f"pip install -c constraints.txt -e {_PACKAGE.parent}",
            serious=False,
        )


def check_command() -> Iterator[Problem]:
    """Check that the command ``mmdense`` on the PATH belongs to this Python."""
    distribution = distribution_of("mmdense")
    scripts = Path(sysconfig.get_path("scripts"))
    found = shutil.which("mmdense")
    if distribution is None or (found and Path(found).parent.resolve() == scripts.resolve()):
        return
    yield Problem(
        "the command mmdense belongs to another Python" if found else "no command mmdense",
        f"{found or 'none on the PATH'}; that of {sys.executable} is in {scripts}",
        f"nothing, `python -m mmdense` is the same; or: export PATH={scripts}:$PATH",
        serious=False,
    )


def check_projects() -> Iterator[Problem]:
    """Check that no ``projects/__init__.py`` on the path hides other folders of that name."""
    for entry in sys.path:
        file = Path(entry or ".").absolute() / "projects" / "__init__.py"
        if file.is_file():
            owner = _owner(file)
            yield Problem(
                "another package hides `projects`",
                f"{file}" + (f", of {owner}" if owner else ""),
                f"pip uninstall {owner}"
                if owner
                else f"delete {file}, or take {file.parents[1]} off the path (PYTHONPATH)",
            )
            return


def check_threads() -> Iterator[Problem]:
    """Check that waiting threads sleep; spinning threads slow down other programs."""
    seen = []
    if os.environ.get("OMP_WAIT_POLICY", "").lower() == "active":
        seen.append("OMP_WAIT_POLICY=active")
    spin = os.environ.get("GOMP_SPINCOUNT", "")
    if spin.lower() in ("infinite", "infinity") or (spin.isdigit() and int(spin) > 20_000):
        seen.append(f"GOMP_SPINCOUNT={spin}")
    if seen:
        yield Problem(
            "threads spin while they wait",
            f"{' and '.join(seen)} is set: a training is several times slower beside another "
            "program",
            "unset OMP_WAIT_POLICY GOMP_SPINCOUNT  # mmdense then sets a short spin",
            serious=False,
        )


def checkout_of(folder: Path) -> Path | None:
    """Return the root of the checkout of mmdense that contains ``folder``."""
    for parent in [folder, *folder.parents]:
        project = parent / "pyproject.toml"
        if not project.is_file() or not (parent / "mmdense" / "__init__.py").is_file():
            continue
        if re.search(r'^name = "mmdense"', project.read_text(encoding="utf-8"), re.MULTILINE):
            return parent
    return None


def _owner(file: Path) -> str | None:
    """Return the distribution that installed a file."""
    for distribution in metadata.distributions():
        listed = "projects/__init__.py" in map(str, distribution.files or [])
        if listed and Path(str(distribution.locate_file("projects/__init__.py"))) == file:
            return distribution.metadata["Name"]
    return None
