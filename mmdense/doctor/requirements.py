"""Packages that mmdense cannot do without."""

from importlib import metadata

from packaging.requirements import Requirement

from mmdense.doctor.finding import Finding
from mmdense.records.versions import version_of

__all__ = ["check_requirements"]


def check_requirements() -> Finding | None:
    """What the installed mmdense asks for is there, in a version that it takes."""
    try:
        lines = metadata.requires("mmdense") or []
    except metadata.PackageNotFoundError:  # a checkout on the path: another check tells
        return None
    wanted = [Requirement(line) for line in lines]
    seen, names = [], []
    for requirement in wanted:
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = version_of(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            seen.append(f"{requirement}: {version or 'not installed'}")
            names.append(f"'{requirement}'")
    if not seen:
        return None
    return Finding(
        "a package that mmdense needs is missing or too old",
        "; ".join(seen),
        f"pip install -c constraints.txt {' '.join(names)}",
    )
