"""All distributions of OpenCV unpack into the one folder ``cv2``."""

import re
from importlib import metadata

from mmdense.doctor.finding import Finding

__all__ = ["check_opencv"]

_NAME = re.compile(r"opencv(-contrib)?-python(-headless)?(-rolling)?")


def check_opencv() -> Finding | None:
    """More than one overwrite each other's files; of one version, that does no harm."""
    named = {
        distribution.metadata["Name"].lower().replace("_", "-"): distribution.version
        for distribution in metadata.distributions()
    }
    found = {name: version for name, version in sorted(named.items()) if _NAME.fullmatch(name)}
    if len(found) < 2:
        return None
    seen = ", ".join(f"{name} {version}" for name, version in found.items())
    if len(set(found.values())) == 1:
        return Finding(
            "two distributions of OpenCV, of one version",
            f"{seen} share the folder cv2; the one installed last counts",
            "nothing, as long as you remove none of them",
            serious=False,
        )
    return Finding(
        "two distributions of OpenCV",
        f"{seen} have overwritten each other in the folder cv2",
        f"pip uninstall -y {' '.join(found)} && pip install -c constraints.txt opencv-python",
    )
