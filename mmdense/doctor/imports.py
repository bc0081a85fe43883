"""Packages that are installed and cannot be imported."""

import json

from mmdense.doctor.finding import Finding
from mmdense.doctor.python_process import run_python
from mmdense.records.versions import version_of

__all__ = ["check_imports", "check_numpy_abi", "failed_imports"]

# Those with compiled code, and what stands on them; torchvision is tried behind mmdense, which
# mends it.
_MODULES = ("torch", "cv2", "pycocotools._mask", "mmengine", "mmdense", "torchvision", "mmcv")
_TRY = """
import importlib, json, sys
failed = {}
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        failed[name] = f"{type(error).__name__}: {error}"
print("\\n" + json.dumps(failed))
"""
_DISTRIBUTIONS = {"cv2": "opencv-python", "mmcv": "onedl-mmcv", "mmengine": "onedl-mmengine"}
_OLD_NUMPY = (
    "compiled using NumPy 1.x",
    "numpy.core.multiarray failed to import",
    "numpy.dtype size changed",
    "_ARRAY_API not found",
)


def failed_imports(modules: tuple[str, ...] = _MODULES) -> dict[str, str]:
    """Try to import each module in a process of its own; from those that fail to the error."""
    done = run_python(_TRY, *modules)
    if done.returncode != 0:  # the process crashed
        return {" or ".join(modules): f"the interpreter ended with status {done.returncode}"}
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
        "mend the findings above first, if there are any; then: pip install -c constraints.txt "
        f"--force-reinstall --no-deps {' '.join(sorted({_distribution(name) for name in other}))}",
    )


def _distribution(module: str) -> str:
    package = module.partition(".")[0]
    return _DISTRIBUTIONS.get(package, package)


def _first_line(error: str, width: int = 160) -> str:
    line = next(iter(error.splitlines()), "")
    return line if len(line) <= width else line[: width - 3] + "..."
