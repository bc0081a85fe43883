"""The backbone in a checkpoint: where it stands, whose it is, in which dialect.

A file may hold several: a student and its teacher, weights and their moving average, an encoder of
queries and one of keys. Each is found by the names of its weights, whatever stands before them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mmdense.transfer.dialect import Dialect
from mmdense.transfer.dialects import DIALECTS
from mmdense.transfer.templates import any_matches, match_template, prefix_before

__all__ = ["BRANCHES", "Source", "branch_of", "find_backbones", "pick_backbone"]

BRANCHES = ("student", "teacher", "ema")

# In front of teachers, of averages kept beside a model, and of helpers of the training alone.
_TEACHERS = re.compile(r"(^|[._])\w*teacher([._]|$)")
_AVERAGES = re.compile(r"(^|[._])(ema|averaged)([._]|$)")
_HELPERS = re.compile(r"(^|[._])(encoder_k|momentum_\w+|target_\w+)([._]|$)")
_OPTIMIZER = {"state", "param_groups"}


class Source(NamedTuple):
    """A backbone in a checkpoint.

    Attributes:
        weights: its weights, without what stands in front of their names.
        heads: names beside them that belong to no backbone.
        dialect: ``None`` if no table has these names.
        branch: ``'student'``, the weights that were trained; ``'teacher'``, the network that taught
            them or an encoder of keys; ``'ema'``, their average kept beside them.
        place: where it stands in the file, for people.
    """

    weights: dict[str, Tensor]
    heads: list[str]
    dialect: Dialect | None
    branch: str
    place: str


def find_backbones(content: Mapping[str, Any], names: Iterable[str] = ()) -> list[Source]:
    """List the backbones in the content of a checkpoint.

    Args:
        content: of the file.
        names: of the weights that are wanted; a backbone of no known dialect is found by them.

    Raises:
        ValueError: the content is that of an optimizer.
    """
    if _OPTIMIZER.issubset(content):
        raise ValueError(
            "these are the states of an optimizer (keys 'state' and 'param_groups'), not weights; "
            "give the file of the model"
        )
    found = []
    for container, weights in _containers(content):
        for prefix, dialect in _known(weights):
            found.append(_source(content, container, weights, prefix, dialect))
    if found:
        return found
    for container, weights in _containers(content):
        common = _common_prefix(weights, list(names))
        if common is not None:
            found.append(_source(content, container, weights, common, None))
    return found


def pick_backbone(sources: list[Source], branch: str | None, path: str | Path) -> Source:
    """Take the backbone that is wanted.

    Args:
        sources: what :func:`find_backbones` found.
        branch: of ``BRANCHES``. If absent: a teacher or a moving average (DINO and its descendants
            evaluate it), otherwise the weights that were trained; an encoder of keys, which only
            serves the training (MoCo, BYOL), only where nothing else is there.
        path: of the file, for messages.

    Raises:
        ValueError: there is none, none of that branch, no such branch, or there are several that
            differ.
    """
    if branch is not None and branch not in BRANCHES:
        raise ValueError(f"branch={branch!r} is none of {', '.join(BRANCHES)}")
    if not sources:
        raise ValueError(
            f"{path} holds no backbone that a table knows, and none with the names of the target's"
        )
    chosen = [source for source in sources if branch in (None, source.branch)]
    if not chosen:
        raise ValueError(
            f"{path} has no {branch}; there is {_listing(sources)}. Choose with --branch or "
            "branch=, or leave it out"
        )
    best = min(chosen, key=_rank)
    equals = [source for source in chosen if _rank(source) == _rank(best)]
    if not all(_same(source, best) for source in equals):
        raise ValueError(
            f"{path} has several backbones: {_listing(equals)}. Choose with --branch student, "
            "teacher or ema where they differ in that, else save the one that you want as a file "
            "of its own"
        )
    return best


def _listing(sources: list[Source]) -> str:
    return "; ".join(f"{source.place} ({source.branch})" for source in sources)


def _rank(source: Source) -> tuple[int, int]:
    """Teachers and averages, then what was trained, then its helpers; of equals the larger one."""
    order = 2 if _HELPERS.search(source.place) else int(source.branch == "student")
    return order, -len(source.weights)


def _same(one: Source, other: Source) -> bool:
    """Whether two hold the same: a module may stand in a model twice, as in MMSelfSup 0.x."""
    pairs = ((value, other.weights.get(name)) for name, value in one.weights.items())
    return one is other or all(b is not None and torch.equal(a, b) for a, b in pairs)


def _containers(content: Mapping[str, Any]) -> list[tuple[str, dict[str, Tensor]]]:
    """Dictionaries of weights in the content, up to three deep; ``""`` is the content itself."""
    found: list[tuple[str, dict[str, Tensor]]] = []

    def visit(name: str, part: Mapping[Any, Any], depth: int) -> None:
        weights = {
            key: value
            for key, value in part.items()
            if isinstance(key, str) and isinstance(value, Tensor)
        }
        if weights:
            found.append((name, weights))
        for key, value in part.items():
            if isinstance(value, Mapping) and depth < 3 and key != "optimizer":
                visit(f"{name}.{key}".lstrip("."), value, depth + 1)

    visit("", content, 1)
    return found


def _known(weights: dict[str, Tensor]) -> list[tuple[str, Dialect]]:
    """What stands in front of each backbone of a known dialect."""
    found: dict[str, Dialect] = {}
    for dialect in DIALECTS:
        prefixes = {
            prefix
            for name in weights
            if (prefix := prefix_before(dialect.marks[0], name)) is not None
        }
        for prefix in sorted(prefixes):
            if prefix not in found and _speaks(weights, prefix, dialect):
                found[prefix] = dialect
    return list(found.items())


def _speaks(weights: dict[str, Tensor], prefix: str, dialect: Dialect) -> bool:
    own = [name[len(prefix) :] for name in weights if name.startswith(prefix)]
    return all(
        any(match_template(mark, name) is not None for name in own) for mark in dialect.marks
    )


def _common_prefix(weights: dict[str, Tensor], names: list[str]) -> str | None:
    """What stands in front of the most of some names, if of any at all."""
    counts: dict[str, int] = {}
    for wanted in names:
        for name in weights:
            if name == wanted or name.endswith("." + wanted):
                prefix = name[: len(name) - len(wanted)]
                counts[prefix] = counts.get(prefix, 0) + 1
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix))) if counts else None


def _source(
    content: Mapping[str, Any],
    container: str,
    weights: dict[str, Tensor],
    prefix: str,
    dialect: Dialect | None,
) -> Source:
    own = {name[len(prefix) :]: value for name, value in weights.items() if name.startswith(prefix)}
    heads = [] if dialect is None else [name for name in own if any_matches(dialect.heads, name)]
    own = {name: value for name, value in own.items() if name not in heads}
    place = f"{container}.{prefix}".strip(".")
    return Source(
        own, heads, dialect, branch_of(content, container, place), place or "the file itself"
    )


def branch_of(content: Mapping[str, Any], container: str, place: str) -> str:
    """The branch of a backbone.

    MMEngine's ``EMAHook`` swaps the two when it saves: ``state_dict`` then holds the average and
    ``ema_state_dict`` the weights that were trained. It also counts its ``steps`` there, by which
    its files differ from those of others who use the name.

    Args:
        content: of the file.
        container: dictionary of weights in it.
        place: container and what stands in front of the names of the weights.
    """
    average = content.get("ema_state_dict")
    if isinstance(average, Mapping) and "steps" in average:
        if container == "state_dict":
            return "ema"
        place = place.removeprefix("ema_state_dict")
    if _TEACHERS.search(place) or _HELPERS.search(place):
        return "teacher"
    return "ema" if _AVERAGES.search(place) else "student"
