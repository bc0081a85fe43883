"""Step 1: find the backbones in the content of a checkpoint, and pick one.

A file can have several: a student and its teacher, weights and their moving average, an encoder of
queries and one of keys. Each is identified by the keys of its weights, with any prefix.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mmdense.transfer.naming_schemes import SCHEMES
from mmdense.transfer.naming_schemes.scheme import UNKNOWN, NamingScheme, matches_any, prefix_of

__all__ = ["BRANCHES", "FoundBackbone", "branch_of", "find_backbones", "pick_backbone"]

# The trained weights; an EMA teacher or a momentum encoder; a moving average of the weights.
BRANCHES = ("student", "teacher", "ema")

_TEACHER = re.compile(r"(^|[._])\w*teacher([._]|$)")
_AVERAGE = re.compile(r"(^|[._])(ema|averaged)([._]|$)")
_MOMENTUM_ENCODER = re.compile(r"(^|[._])(encoder_k|momentum_\w+|target_\w+)([._]|$)")
_OPTIMIZER = {"state", "param_groups"}


@dataclass(frozen=True)
class FoundBackbone:
    """A backbone in a checkpoint."""

    weights: dict[str, Tensor]  # without their common prefix
    other: list[str]  # other keys, which belong to no backbone
    scheme: NamingScheme
    branch: str  # one of BRANCHES
    location: str  # in the file, for messages

    def equals(self, other: FoundBackbone) -> bool:
        """Return whether both have the same values: MMSelfSup 0.x saves some modules twice."""
        pairs = ((value, other.weights.get(key)) for key, value in self.weights.items())
        return self is other or all(b is not None and torch.equal(a, b) for a, b in pairs)


def find_backbones(content: Mapping[str, Any], wanted: Iterable[str] = ()) -> list[FoundBackbone]:
    """Return the backbones in the content of a checkpoint.

    If no key naming scheme matches, a backbone is identified by ``wanted``, the keys of the target.

    Raises:
        ValueError: The content is that of an optimizer.
    """
    if _OPTIMIZER.issubset(content):
        raise ValueError(
            "this is the state of an optimizer (keys 'state' and 'param_groups'), not weights: "
            "pass the file of the model"
        )
    state_dicts = dict(_state_dicts(content))
    found = [
        _extract(content, name, weights, prefix, scheme)
        for name, weights in state_dicts.items()
        for prefix, scheme in _known_schemes(weights).items()
    ]
    if found:
        return found
    prefixes = {name: _common_prefix(weights, wanted) for name, weights in state_dicts.items()}
    return [
        _extract(content, name, state_dicts[name], prefix, UNKNOWN)
        for name, prefix in prefixes.items()
        if prefix is not None
    ]


def pick_backbone(
    found: list[FoundBackbone], branch: str | None, path: str | Path
) -> FoundBackbone:
    """Return the backbone to load from those of :func:`find_backbones`.

    Without ``branch`` it is the first that exists of: a teacher or a moving average, which the
    authors of DINO and its successors evaluate; the trained weights; a momentum encoder, which is
    only used in training (MoCo, BYOL).

    Raises:
        ValueError: There is none, none of that branch, no such branch, or several that differ.
    """
    if branch is not None and branch not in BRANCHES:
        raise ValueError(f"branch={branch!r}: choose one of {', '.join(BRANCHES)}")
    if not found:
        raise ValueError(
            f"{path} has no backbone: its keys match no known key naming scheme and not the keys "
            "of the target"
        )
    candidates = [one for one in found if branch in (None, one.branch)]
    if not candidates:
        raise ValueError(
            f"{path} has no {branch}. It has {_listing(found)}. Choose with --branch or branch=, "
            "or omit it"
        )
    best = min(candidates, key=_rank)
    equals = [one for one in candidates if _rank(one) == _rank(best)]
    if not all(one.equals(best) for one in equals):
        raise ValueError(
            f"{path} has several backbones: {_listing(equals)}. Choose with --branch student, "
            "teacher or ema. If they have the same branch, save the one that you want as a "
            "separate file"
        )
    return best


def branch_of(content: Mapping[str, Any], state_dict: str, location: str) -> str:
    """Return the branch of a backbone, from the key of its state dict and its prefix.

    ``EMAHook`` of MMEngine swaps the two when it saves: ``state_dict`` then has the average and
    ``ema_state_dict`` the trained weights. Its files are recognised by the count of ``steps`` in
    ``ema_state_dict``.
    """
    average = content.get("ema_state_dict")
    if isinstance(average, Mapping) and "steps" in average:
        if state_dict == "state_dict":
            return "ema"
        location = location.removeprefix("ema_state_dict")
    if _TEACHER.search(location) or _MOMENTUM_ENCODER.search(location):
        return "teacher"
    return "ema" if _AVERAGE.search(location) else "student"


def _listing(found: list[FoundBackbone]) -> str:
    return "; ".join(f"{one.location} ({one.branch})" for one in found)


def _rank(found: FoundBackbone) -> tuple[int, int]:
    """Teachers and averages, trained weights, momentum encoders; the larger one first."""
    order = 2 if _MOMENTUM_ENCODER.search(found.location) else int(found.branch == "student")
    return order, -len(found.weights)


def _state_dicts(
    part: Mapping[Any, Any], name: str = "", depth: int = 1
) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """All dictionaries with tensors, up to three levels deep; ``""`` is the content itself."""
    items = [(key, value) for key, value in part.items() if isinstance(key, str)]
    weights = {key: value for key, value in items if isinstance(value, Tensor)}
    if weights:
        yield name, weights
    for key, value in part.items():
        if isinstance(value, Mapping) and depth < 3 and key != "optimizer":
            yield from _state_dicts(value, f"{name}.{key}".lstrip("."), depth + 1)


def _known_schemes(weights: Mapping[str, Tensor]) -> dict[str, NamingScheme]:
    """The scheme of each backbone, by its prefix."""
    found: dict[str, NamingScheme] = {}
    for scheme in SCHEMES:
        prefixes = {prefix_of(scheme.signature[0], key) for key in weights}
        for prefix in sorted(prefix for prefix in prefixes if prefix is not None):
            if prefix not in found and scheme.applies_to(_below(prefix, weights)):
                found[prefix] = scheme
    return found


def _common_prefix(weights: Mapping[str, Tensor], wanted: Iterable[str]) -> str | None:
    """The prefix with most of the wanted keys; ``None`` if there is none."""
    counts = Counter(
        key.removesuffix(name)
        for name in wanted
        for key in weights
        if key == name or key.endswith("." + name)
    )
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default=None)


def _below(prefix: str, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}


def _extract(
    content: Mapping[str, Any],
    state_dict: str,
    weights: dict[str, Tensor],
    prefix: str,
    scheme: NamingScheme,
) -> FoundBackbone:
    own = _below(prefix, weights)
    other = [key for key in own if matches_any(scheme.other, key)]
    location = f"{state_dict}.{prefix}".strip(".")
    branch = branch_of(content, state_dict, location)
    backbone = {key: value for key, value in own.items() if key not in other}
    return FoundBackbone(backbone, other, scheme, branch, location or "top level of the file")
