"""Check that installed packages can be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

from mmdense.doctor.report import Problem

__all__ = ["check_imports", "failed_imports", "run_python"]

# Packages with compiled code, then the packages that configs need. Packages after mmdense need its
# workarounds.
_MODULES = (
    "torch",
    "cv2",
    "pycocotools._mask",
    "mmengine",
    "mmdense",
    "torchvision",
    "mmcv.ops",
    "mmdet.models",
    "mmpretrain.models",
    "mmseg.models",
)
_TRY = """
import importlib, json, sys
failed = {}
for name in sys.argv[1:]:
    print(name, flush=True)
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(failed))
"""
_DISTRIBUTIONS = {
    "cv2": "opencv-python",
    "mmcv": "onedl-mmcv",
    "mmdet": "onedl-mmdetection",
    "mmengine": "onedl-mmengine",
    "mmpretrain": "onedl-mmpretrain",
    "mmseg": "onedl-mmsegmentation",
}
_OLD_NUMPY = (
    "compiled using NumPy 1.x",
    "numpy.core.multiarray failed to import",
    "numpy.dtype size changed",
    "_ARRAY_API not found",
)


def check_imports() -> Iterator[Problem]:
    """Check that all packages that configs need can be imported, also with this numpy."""
    failed = failed_imports()
    numpy = next((found.version for found in metadata.distributions(name="numpy")), "")
    old = {} if numpy.startswith("1.") else {n: e for n, e in failed.items() if _is_old_numpy(e)}
    other = {name: error for name, error in failed.items() if not _is_old_numpy(error)}
    if old:
        yield Problem(
            f"packages compiled for numpy 1, but numpy {numpy} is installed",
            _listed(old),
            f"pip install -U -c constraints.txt {_distributions(old)}  # releases for numpy 2",
        )
    if other:
        yield Problem(
            "a package cannot be imported",
            _listed(other),
            "fix the other problems first; then: pip install -c constraints.txt "
            f"--force-reinstall --no-deps {_distributions(other)}",
        )


def failed_imports(modules: tuple[str, ...] = _MODULES) -> dict[str, str]:
    """Import the modules in another process; return the error of each one that fails."""
    done = run_python(_TRY, *modules)
    if done.returncode != 0:  # the process crashed in the module that it printed last
        reached = [name for name in done.stdout.splitlines() if name in modules]
        return {
            reached[-1] if reached else modules[0]: (
                f"the interpreter ended with status {done.returncode}; later modules were not "
                "imported"
            )
        }
    failed = json.loads(done.stdout.splitlines()[-1])
    for name in failed:  # numpy writes the reason to the error stream
        if "NumPy 1.x" in done.stderr and "numpy" in failed[name].lower():
            failed[name] += " (compiled using NumPy 1.x)"
    return failed


def run_python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in another process with the same module path, but not in the current folder."""
    path = [entry for entry in sys.path if entry]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        cwd=os.path.sep,
        capture_output=True,
        text=True,
        check=False,
    )


def _is_old_numpy(error: str) -> bool:
    return any(sign in error for sign in _OLD_NUMPY)


def _listed(failed: dict[str, str], width: int = 160) -> str:
    lines = {name: next(iter(error.splitlines()), "") for name, error in failed.items()}
    short = {
        n: line if len(line) <= width else line[: width - 3] + "..." for n, line in lines.items()
    }
    return "; ".join(f"import {name}: {line}" for name, line in short.items())


def _distributions(failed: dict[str, str]) -> str:
    packages = {name.partition(".")[0] for name in failed}
    return " ".join(sorted(_DISTRIBUTIONS.get(package, package) for package in packages))
