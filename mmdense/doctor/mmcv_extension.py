"""Compiled operators of mmcv, where there are some, have to fit torch and Python."""

import re
import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from mmdense.doctor.finding import Finding
from mmdense.doctor.python_process import run_python

__all__ = ["check_extension", "reason"]

_LOAD = """
import sys
import torch
from importlib import util
spec = util.spec_from_file_location("mmcv._ext", sys.argv[1])
spec.loader.exec_module(util.module_from_spec(spec))
"""
_REBUILD = "MMCV_WITH_OPS=1 pip install --force-reinstall --no-cache-dir --no-deps onedl-mmcv"


def check_extension() -> Finding | None:
    """``mmcv._ext`` is absent, which is fine, or loads."""
    spec = PathFinder.find_spec("mmcv", sys.path)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("_ext*.so"))
    if not files:
        return None
    fitting = [file for file in files if file.name[len("_ext") :] in EXTENSION_SUFFIXES]
    if not fitting:
        why = f"it is for another Python than {sys.version_info.major}.{sys.version_info.minor}"
    else:
        done = run_python(_LOAD, str(fitting[0]))
        if done.returncode == 0:
            return None
        why = reason(done.stderr)
    file = (fitting or files)[0]
    return Finding(
        "mmcv's compiled operators do not load",
        f"{file}: {why}",
        f"rm {file}  # mmdense has operators; or build it again: {_REBUILD}",
    )


def reason(error: str) -> str:
    """What an error of the dynamic loader means, with the last line of it."""
    lines = error.strip().splitlines()
    last = lines[-1] if lines else "the process ended without a word"
    if "undefined symbol" in last:
        return f"it was built for another torch ({_shorten(last)})"
    if re.search(r"lib(cu|c10_cuda|torch_cuda|nv)\w*\.so", last):
        return f"it was built for a torch with CUDA ({_shorten(last)})"
    return _shorten(last)


def _shorten(line: str, width: int = 120) -> str:
    """The part after the file's path, which may be long."""
    line = re.sub(r"/\S+/", "", line)
    return line if len(line) <= width else line[: width - 3] + "..."
