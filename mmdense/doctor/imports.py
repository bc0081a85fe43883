"""Check that installed packages can be imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

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


def check_imports() -> Iterator[Problem]:
    """Check that all packages that configs need can be imported, also with this numpy."""
    if failed := failed_imports():
        errors = {name: next(iter(error.splitlines()), "") for name, error in failed.items()}
        packages = {name.partition(".")[0] for name in failed}
        names = " ".join(sorted(_DISTRIBUTIONS.get(package, package) for package in packages))
        yield Problem(
            "a package cannot be imported",
            "; ".join(f"import {name}: {error[:160]}" for name, error in errors.items()),
            "fix the other problems first; then: pip install -c constraints.txt "
            f"--force-reinstall --no-deps {names}",
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
    if "compiled using NumPy 1.x" in done.stderr:  # numpy writes the reason to the error stream
        failed = {name: f"{error} (compiled using NumPy 1.x)" for name, error in failed.items()}
    return failed


def run_python(
    code: str, *arguments: str, path: Sequence[str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run code in another process that does not have the current folder in its module path.

    Args:
        code: Python code.
        arguments: Its ``sys.argv[1:]``.
        path: Additional module path; by default that of this process.
    """
    path = [entry for entry in sys.path if entry] if path is None else path
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        cwd=os.path.sep,
        capture_output=True,
        text=True,
        check=False,
    )
