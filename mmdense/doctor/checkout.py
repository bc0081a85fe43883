"""Which mmdense do the tools of a checkout import?"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from mmdense.doctor.finding import Finding

__all__ = ["check_checkout", "check_editable", "checkout_of"]

_WHERE = """
from importlib import util
spec = util.find_spec("mmdense")
print(spec.origin if spec else "")
"""


def check_checkout(folder: Path | None = None) -> Finding | None:
    """A script in ``tools/`` imports what is installed, and not what lies beside it.

    Args:
        folder: where to look for a checkout; the current folder where it is not given.
    """
    root = checkout_of(folder or Path.cwd())
    if root is None:
        return None
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
    if origin and Path(origin).resolve().parents[1] == root.resolve():
        return None
    return Finding(
        "the tools of this checkout import another mmdense"
        if origin
        else "mmdense is not installed",
        f"the checkout is {root}; `import mmdense` gives {origin or 'nothing'}",
        f"pip install -c constraints.txt -e {root}",
    )


def check_editable() -> Finding | None:
    """An editable install through setuptools' import hook is hidden by folders called mmdense.

    Python takes a folder of that name beside the script, such as the checkout itself seen from the
    folder above it, for a namespace package, before it asks the hook.
    """
    hooks = [name for name in sys.modules if re.match(r"__editable___mmdense\w*_finder$", name)]
    if not hooks:
        return None
    root = Path(__file__).resolve().parents[2]
    return Finding(
        "a folder called mmdense can hide this installation",
        f"scripts in {root.parent} get an empty package from `import mmdense`",
        f"pip install -c constraints.txt -e {root}  # replaces the import hook by a path",
    )


def checkout_of(folder: Path) -> Path | None:
    """The top of the checkout of mmdense that holds ``folder``."""
    for parent in [folder, *folder.parents]:
        project = parent / "pyproject.toml"
        if not project.is_file() or not (parent / "mmdense" / "__init__.py").is_file():
            continue
        if re.search(r'^name = "mmdense"', project.read_text(encoding="utf-8"), re.MULTILINE):
            return parent
    return None
