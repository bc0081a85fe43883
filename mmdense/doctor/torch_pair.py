"""torch and torchvision: the one has to be built for the other."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from mmdense.doctor.finding import Finding

__all__ = ["TESTED", "check_build", "check_match", "check_tested"]

TESTED = ("2.9.1", "2.14.1")  # oldest and newest torch of docs/installation.md
_CPU_INDEX = "https://download.pytorch.org/whl/cpu"


def check_match() -> Finding | None:
    """What torchvision asks for is the torch that is installed."""
    torch, vision = _distribution("torch"), _distribution("torchvision")
    if torch is None or vision is None:
        return None
    wanted = [Requirement(line) for line in vision.requires or []]
    pins = [requirement for requirement in wanted if requirement.name == "torch"]
    installed = Version(torch.version)
    if all(pin.specifier.contains(installed, prereleases=True) for pin in pins):
        return None
    base = installed.base_version
    advice = f"pip install 'torch=={base}' torchvision  # pip then picks the match"
    if installed.major == 2:  # torchvision 0.15 came with torch 2.0, and both count on together
        advice = f"pip install 'torch=={base}' 'torchvision==0.{installed.minor + 15}.*'"
    return Finding(
        "torchvision is not the match of torch",
        f"torchvision {vision.version} was built for {pins[0]}; installed is torch {torch.version}",
        advice,
    )


def check_build() -> Finding | None:
    """Both are for the CPU, or both for the same CUDA."""
    torch, vision = _build("torch"), _build("torchvision")
    if torch is None or vision is None or torch == vision:
        return None
    seen = f"torch is built for {_in_words(torch)}, torchvision for {_in_words(vision)}"
    if torch == "cpu":
        return Finding(
            "a CUDA torchvision beside a CPU torch",
            f"{seen}: its operators do not load. mmdense declares them, so that it imports",
            f"nothing for mmdense; for all: pip install -U torchvision --index-url {_CPU_INDEX}",
            serious=False,
        )
    index = _CPU_INDEX.replace("cpu", torch)
    return Finding(
        f"a {_in_words(vision)} torchvision beside a {_in_words(torch)} torch",
        f"{seen}: it has no operators for this GPU",
        f"pip install --force-reinstall --no-deps torchvision --index-url {index}",
    )


def check_tested() -> Finding | None:
    """A torch newer than the newest one that the tests ran with."""
    torch = _distribution("torch")
    if torch is None or Version(torch.version).release <= Version(TESTED[1]).release:
        return None
    return Finding(
        f"torch {torch.version} is newer than the newest tested release",
        f"mmdense was tested with torch {TESTED[0]} to {TESTED[1]}",
        f"nothing, as long as everything works; else: pip install 'torch=={TESTED[1]}' torchvision",
        serious=False,
    )


def _distribution(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _build(name: str) -> str | None:
    """'cpu' or such as 'cu130'; None where the package does not say.

    The package's version.py says it also where the distribution's version leaves it out.
    """
    distribution = _distribution(name)
    if distribution is None:
        return None
    file = Path(str(distribution.locate_file(f"{name}/version.py")))
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r"\+(cpu|cu\d+)", text) or re.search(r"\+(cpu|cu\d+)", distribution.version)
    return found[1] if found else None


def _in_words(build: str) -> str:
    return "CPU" if build == "cpu" else f"CUDA {build[2:-1]}.{build[-1]}"
