"""The protocols of dense evaluation by name, and changes of their settings."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from mmdense.config.usage_error import UsageError
from mmdense.evaluation.dense.protocol import Needs, Protocol
from mmdense.evaluation.dense.protocols.label_propagation import Propagation
from mmdense.evaluation.dense.protocols.segmentation_protocols import SEGMENTATION
from mmdense.evaluation.dense.protocols.unlabelled_protocols import (
    Correspondence,
    ObjectDiscovery,
    PositionProbe,
    measure_correspondence,
    measure_discovery,
    measure_position,
    measure_propagation,
    settle_discovery,
    settle_position,
)

__all__ = ["PROTOCOLS", "with_settings"]

PROTOCOLS: dict[str, Protocol] = {
    **SEGMENTATION,
    "object_discovery": Protocol(
        ObjectDiscovery(),
        measure_discovery,
        Needs.BOXES,
        "Percent of the images in which LOST finds an annotated object (CorLoc, arXiv:2109.14279).",
        settle_discovery,
    ),
    "object_discovery_centred": Protocol(
        ObjectDiscovery(feature="centred"),
        measure_discovery,
        Needs.BOXES,
        "The same by patch features minus their mean over the image, for any backbone. Keys of "
        "weak backbones are all alike, and LOST then finds the whole image.",
    ),
    "correspondence": Protocol(
        Correspondence(),
        measure_correspondence,
        Needs.NOTHING,
        "Percent of the patches that are found again in a warped image (PCK), by their distance "
        "in percent of its side.",
    ),
    "label_propagation": Protocol(
        Propagation(),
        measure_propagation,
        Needs.VIDEOS,
        "Region and boundary accuracy of the labels of the first frame, propagated to the others "
        "(DAVIS, arXiv:2006.14613 and 2104.14294).",
    ),
    "position": Protocol(
        PositionProbe(),
        measure_position,
        Needs.NOTHING,
        "R^2 of row and column of a patch, predicted from its feature; a small value is better "
        "(arXiv:2603.16840).",
        settle_position,
    ),
}


def with_settings(names: Sequence[str], settings: Mapping[str, Any]) -> dict[str, Protocol]:
    """Return protocols with other settings.

    Args:
        names: Names of protocols.
        settings: Value by ``<protocol>.<setting>``. A list is a tuple, an integer can be a float.

    Raises:
        UsageError: A protocol or setting does not exist, or a value has another type.
    """
    found = {name: PROTOCOLS[_known(name, PROTOCOLS, "protocol")] for name in names}
    for key, value in settings.items():
        name, _, setting = key.partition(".")
        protocol = found[_known(name, found, "protocol")]
        _known(setting, [one.name for one in fields(protocol.settings)], f"setting of {name}")
        given = _like(getattr(protocol.settings, setting), value, key)
        found[name] = replace(protocol, settings=replace(protocol.settings, **{setting: given}))
    return found


def _like(present: Any, value: Any, key: str) -> Any:
    """The value, with the type of the present one."""
    if isinstance(present, tuple):
        return tuple(value) if isinstance(value, list | tuple) else (value,)
    if isinstance(present, float) and type(value) is int:
        return float(value)
    if type(value) is not type(present):
        raise UsageError(f"{key}: expected a value such as {present!r}, found {value!r}")
    return value


def _known(name: str, names: Sequence[str] | Mapping[str, Any], what: str) -> str:
    if name not in names:
        nearest = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {nearest[0]}?" if nearest else f"choose from {', '.join(names)}"
        raise UsageError(f"no {what} {name!r}; {hint}")
    return name
