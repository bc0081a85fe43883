"""Check that the installed packages are compatible with each other and with mmdense."""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path

from mmdense.doctor.imports import run_python
from mmdense.doctor.report import Problem
from mmdense.upstream.multimodal import why_not_multimodal
from mmdense.version import distribution_of, version_of

__all__ = [
    "TESTED",
    "check_builds",
    "check_mmcv_extension",
    "check_multimodal",
    "check_opencv",
    "check_originals",
    "check_requirements",
    "check_tested",
    "check_torchvision",
]

TESTED = ("2.9.1", "2.14.1")  # oldest and newest torch of docs/installation.md
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
# The maintained distributions of OpenMMLab, and the originals that install to the same folders.
_ORIGINALS = {
    "onedl-mmengine": ("mmengine", "mmengine-lite"),
    "onedl-mmcv": ("mmcv", "mmcv-lite", "mmcv-full"),
    "onedl-mmdetection": ("mmdet",),
    "onedl-mmpretrain": ("mmpretrain",),
    "onedl-mmsegmentation": ("mmsegmentation",),
}
_OPENCV = re.compile(r"opencv(-contrib)?-python(-headless)?(-rolling)?")
_LOAD = """
import sys
import torch
from importlib import util
spec = util.spec_from_file_location("mmcv._ext", sys.argv[1])
spec.loader.exec_module(util.module_from_spec(spec))
"""
_REBUILD = "MMCV_WITH_OPS=1 pip install --force-reinstall --no-cache-dir --no-deps onedl-mmcv"


def check_torchvision() -> Iterator[Problem]:
    """Check that torchvision was built for the installed torch."""
    from packaging.requirements import Requirement
    from packaging.version import Version

    torch, vision = distribution_of("torch"), distribution_of("torchvision")
    if torch is None or vision is None:
        return
    wanted = [Requirement(line) for line in vision.requires or []]
    pins = [requirement for requirement in wanted if requirement.name == "torch"]
    installed = Version(torch.version)
    if all(pin.specifier.contains(installed, prereleases=True) for pin in pins):
        return
    base = installed.base_version
    advice = f"pip install 'torch=={base}' torchvision  # pip selects the matching version"
    if installed.major == 2:  # torchvision 0.(N + 15) belongs to torch 2.N
        advice = f"pip install 'torch=={base}' 'torchvision==0.{installed.minor + 15}.*'"
    yield Problem(
        "torchvision does not match torch",
        f"torchvision {vision.version} was built for {pins[0]}, not for torch {torch.version}",
        advice,
    )


def check_builds() -> Iterator[Problem]:
    """Check that torch and torchvision are both for the CPU, or for the same CUDA."""
    torch, vision = _build("torch"), _build("torchvision")
    if torch is None or vision is None or torch == vision:
        return
    seen = f"torch is built for {_in_words(torch)}, torchvision for {_in_words(vision)}"
    if torch == "cpu":
        yield Problem(
            "torchvision for CUDA with torch for the CPU",
            f"{seen}: its operators do not load. mmdense declares them, so that the import works",
            f"not needed for mmdense. Or: pip install -U torchvision --index-url {_CPU_INDEX}",
            serious=False,
        )
        return
    index = _CPU_INDEX.replace("cpu", torch)
    yield Problem(
        f"torchvision for {_in_words(vision)} with torch for {_in_words(torch)}",
        f"{seen}: it has no operators for this GPU",
        f"pip install --force-reinstall --no-deps torchvision --index-url {index}",
    )


def check_tested() -> Iterator[Problem]:
    """Check that torch is not newer than the newest tested release."""
    from packaging.version import Version

    torch = version_of("torch")
    if torch and Version(torch).release > Version(TESTED[1]).release:
        yield Problem(
            f"torch {torch} is newer than the newest tested release",
            f"mmdense was tested with torch {TESTED[0]} to {TESTED[1]}",
            f"not needed if everything works. Or: pip install 'torch=={TESTED[1]}' torchvision",
            serious=False,
        )


def check_originals() -> Iterator[Problem]:
    """Check that no original package of OpenMMLab is installed with its maintained fork."""
    seen: list[str] = []
    remove: list[str] = []
    install: list[str] = []
    for fork, originals in _ORIGINALS.items():
        present = {name: version for name in (*originals, fork) if (version := version_of(name))}
        if not present or list(present) == [fork]:
            continue
        seen.append(" and ".join(f"{name} {version}" for name, version in present.items()))
        remove += present
        install.append(fork)
    if seen:
        yield Problem(
            "original packages of OpenMMLab are installed",
            f"{'; '.join(seen)}. They overwrite the folder of the onedl-* release",
            f"pip uninstall -y {' '.join(remove)} && "
            f"pip install -c constraints.txt {' '.join(install)}",
        )


def check_multimodal() -> Iterator[Problem]:
    """Check that transformers has what MMPretrain's multimodal models need."""
    version = version_of("transformers")
    if version and (reason := why_not_multimodal()):
        yield Problem(
            f"transformers {version} is incompatible with MMPretrain's multimodal models",
            f"{reason}. mmdense replaces these models (BLIP, OFA, ...) by placeholders",
            "only if you need these models: pip install 'transformers<5'",
            serious=False,
        )


def check_mmcv_extension() -> Iterator[Problem]:
    """Check that the compiled operators ``mmcv._ext`` load, if they are installed."""
    spec = PathFinder.find_spec("mmcv", sys.path)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = sorted(file for folder in folders for file in Path(folder).glob("_ext*.so"))
    if not files:
        return
    fitting = [file for file in files if file.name[len("_ext") :] in EXTENSION_SUFFIXES]
    if not fitting:
        why = f"it is for another Python than {sys.version_info.major}.{sys.version_info.minor}"
    else:
        done = run_python(_LOAD, str(fitting[0]))
        if done.returncode == 0:
            return
        why = _loader_error(done.stderr)
    file = (fitting or files)[0]
    yield Problem(
        "mmcv's compiled operators do not load",
        f"{file}: {why}",
        f"rm {file}  # mmdense has its own operators; or rebuild: {_REBUILD}",
    )


def check_opencv() -> Iterator[Problem]:
    """Check that one distribution of OpenCV is installed: all use the folder ``cv2``."""
    named = {
        distribution.metadata["Name"].lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions()
    }
    found = {name: version for name, version in sorted(named.items()) if _OPENCV.fullmatch(name)}
    if len(found) < 2:
        return
    seen = ", ".join(f"{name} {version}" for name, version in found.items())
    if len(set(found.values())) == 1:
        yield Problem(
            "two distributions of OpenCV with the same version",
            f"{seen} share the folder cv2; the last one installed is used",
            "not needed, but do not uninstall one of them alone",
            serious=False,
        )
        return
    yield Problem(
        "two distributions of OpenCV",
        f"{seen} have overwritten each other in the folder cv2",
        f"pip uninstall -y {' '.join(found)} && pip install -c constraints.txt opencv-python",
    )


def check_requirements() -> Iterator[Problem]:
    """Check that the requirements of the installed mmdense are fulfilled."""
    from packaging.requirements import Requirement

    mmdense = distribution_of("mmdense")
    seen, names = [], []
    for requirement in map(Requirement, (mmdense.requires if mmdense else None) or []):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            seen.append(f"{requirement}: {version or 'not installed'}")
            names.append(f"'{requirement}'")
    if seen:
        yield Problem(
            "a package that mmdense needs is missing or too old",
            "; ".join(seen),
            f"pip install -c constraints.txt {' '.join(names)}",
        )


def _build(name: str) -> str | None:
    """Return 'cpu' or a CUDA version such as 'cu130'; None if unknown.

    The package has it in version.py, if the version of the distribution lacks it.
    """
    distribution = distribution_of(name)
    if distribution is None:
        return None
    file = Path(str(distribution.locate_file(f"{name}/version.py")))
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"\+(cpu|cu\d+)", text) or re.search(r"\+(cpu|cu\d+)", distribution.version)
    return found[1] if found else None


def _in_words(build: str) -> str:
    return "CPU" if build == "cpu" else f"CUDA {build[2:-1]}.{build[-1]}"


def _loader_error(error: str) -> str:
    """Return the meaning of an error of the dynamic loader, with its last line."""
    lines = error.strip().splitlines() or ["the process ended without a message"]
    last = re.sub(r"/\S+/", "", lines[-1])[:120]  # paths may be long
    if "undefined symbol" in last:
        return f"it was built for another torch ({last})"
    if re.search(r"lib(cu|c10_cuda|torch_cuda|nv)\w*\.so", last):
        return f"it was built for a torch with CUDA ({last})"
    return last
