"""Packages that are installed and cannot be imported."""

import json

from mmdense.doctor.finding import Finding
from mmdense.doctor.python_process import run_python
from mmdense.records.versions import version_of

__all__ = ["check_imports", "check_numpy_abi", "failed_imports"]

# Packages with compiled code, then all that configs need. What follows mmdense relies on its
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


def failed_imports(modules: tuple[str, ...] = _MODULES) -> dict[str, str]:
    """Import the modules in another process; return the error of each one that fails."""
    done = run_python(_TRY, *modules)
    if done.returncode != 0:  # the process crashed in the module that it printed last
        reached = [name for name in done.stdout.splitlines() if name in modules]
        return {
            reached[-1] if reached else modules[0]: (
                f"the interpreter ended with status {done.returncode}; modules after it were not "
                "tried"
            )
        }
    failed = json.loads(done.stdout.splitlines()[-1])
    for name in failed:  # numpy explains itself on the error stream
        if "NumPy 1.x" in done.stderr and "numpy" in failed[name].lower():
            failed[name] += " (compiled using NumPy 1.x)"
    return failed


def check_numpy_abi(failed: dict[str, str]) -> Finding | None:
    """A package compiled for numpy 1 does not import beside numpy 2."""
    version = version_of("numpy")
    old = [name for name, error in failed.items() if any(sign in error for sign in _OLD_NUMPY)]
    if not old or version is None or version.startswith("1."):
        return None
    names = sorted({_distribution(name) for name in old})
    return Finding(
        f"compiled for numpy 1, installed is numpy {version}",
        "; ".join(f"import {name}: {_first_line(failed[name])}" for name in old),
        f"pip install -U -c constraints.txt {' '.join(names)}  # releases for numpy 2",
    )


def check_imports(failed: dict[str, str]) -> Finding | None:
    """Any other import that fails."""
    other = {
        name: error
        for name, error in failed.items()
        if not any(sign in error for sign in _OLD_NUMPY)
    }
    if not other:
        return None
    return Finding(
        "a package cannot be imported",
        "; ".join(f"import {name}: {_first_line(error)}" for name, error in other.items()),
        "fix the findings above first, if there are any; then: pip install -c constraints.txt "
        f"--force-reinstall --no-deps {' '.join(sorted({_distribution(name) for name in other}))}",
    )


def _distribution(module: str) -> str:
    package = module.partition(".")[0]
    return _DISTRIBUTIONS.get(package, package)


def _first_line(error: str, width: int = 160) -> str:
    line = next(iter(error.splitlines()), "")
    return line if len(line) <= width else line[: width - 3] + "..."
