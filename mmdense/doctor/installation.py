"""Is mmdense itself installed well: checkout or wheel, command, path, settings of threads?"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from mmdense.doctor.report import Problem
from mmdense.package_files import ROOT
from mmdense.version import __version__

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
    """A script in ``tools/`` imports the mmdense beside it.

    Args:
        folder: where to look for a checkout; the current folder where it is not given.
    """
    root = checkout_of(folder or Path.cwd())
    if root is None:
        return
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in given)
    with tempfile.TemporaryDirectory() as elsewhere:  # a script does not have this folder's path
        done = subprocess.run(
            [sys.executable, "-c", _WHERE],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
    origin = done.stdout.strip()
    if not origin or Path(origin).resolve().parents[1] != root.resolve():
        yield Problem(
            "the tools of this checkout import another mmdense"
            if origin
            else "mmdense is not installed",
            f"the checkout is {root}; `import mmdense` gives {origin or 'nothing'}",
            f"pip install -c constraints.txt -e {root}",
        )


def check_import_hook() -> Iterator[Problem]:
    """No editable install through setuptools' import hook: folders called mmdense hide it.

    Python takes a folder of that name beside the script, such as the checkout itself seen from the
    folder above it, for a namespace package, before it asks the hook.
    """
    if any(re.match(r"__editable___mmdense\w*_finder$", name) for name in sys.modules):
        root = _PACKAGE.parent
        yield Problem(
            "a folder called mmdense can hide this installation",
            f"scripts in {root.parent} get an empty package from `import mmdense`",
            f"pip install -c constraints.txt -e {root}  # replaces the import hook by a path",
        )


def check_files() -> Iterator[Problem]:
    """The installed files are there, with configs and tools, and of the version of the code."""
    distribution = _mmdense()
    files = (distribution.files if distribution else None) or []
    missing = [str(file) for file in files if not Path(str(file.locate())).is_file()]
    missing += [f"{ROOT}/{file}" for file in ("tools/train.py",) if not (ROOT / file).is_file()]
    if missing:
        yield Problem(
            "files of mmdense are missing",
            f"{len(missing)}, such as {missing[0]}",
            "pip install --force-reinstall --no-deps mmdense  # or the wheel or clone it came from",
        )
    if distribution and distribution.version != __version__:
        yield Problem(
            f"installed as mmdense {distribution.version}, the code is {__version__}",
            "the command mmdense and the requirements are those of the version installed",
            f"pip install -c constraints.txt -e {_PACKAGE.parent}",
            serious=False,
        )


def check_command() -> Iterator[Problem]:
    """The command ``mmdense`` on the PATH is the one of this Python."""
    distribution = _mmdense()
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
    """No ``projects/__init__.py`` on the path: it would hide all other folders of that name."""
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
    """Threads sleep while they wait; threads that spin slow down every program on the machine."""
    seen = []
    if os.environ.get("OMP_WAIT_POLICY", "").lower() == "active":
        seen.append("OMP_WAIT_POLICY=active")
    spin = os.environ.get("GOMP_SPINCOUNT", "")
    if spin.lower() in ("infinite", "infinity") or (spin.isdigit() and int(spin) > 20_000):
        seen.append(f"GOMP_SPINCOUNT={spin}")
    if seen:
        yield Problem(
            "threads spin while they wait",
            f"{' and '.join(seen)} is set: beside another program a training becomes several times "
            "slower",
            "unset OMP_WAIT_POLICY GOMP_SPINCOUNT  # mmdense then chooses a short spin",
            serious=False,
        )


def checkout_of(folder: Path) -> Path | None:
    """Return the top of the checkout of mmdense that holds ``folder``."""
    for parent in [folder, *folder.parents]:
        project = parent / "pyproject.toml"
        if not project.is_file() or not (parent / "mmdense" / "__init__.py").is_file():
            continue
        if re.search(r'^name = "mmdense"', project.read_text(encoding="utf-8"), re.MULTILINE):
            return parent
    return None


def _mmdense() -> metadata.Distribution | None:
    try:
        return metadata.distribution("mmdense")
    except metadata.PackageNotFoundError:
        return None


def _owner(file: Path) -> str | None:
    """The distribution that installed a file."""
    for distribution in metadata.distributions():
        listed = "projects/__init__.py" in map(str, distribution.files or [])
        if listed and Path(str(distribution.locate_file("projects/__init__.py"))) == file:
            return distribution.metadata["Name"]
    return None
