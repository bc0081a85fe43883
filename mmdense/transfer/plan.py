"""Step 2: plan the value of every weight of the target, without changing it.

The keys of both sides are translated to the canonical keys of their family. A weight of the target
is loaded; resized, if its size depends on the image; or filled with a neutral value that keeps the
function of the source (ones for LayerScale, zeros for a bias). A weight that the target does not
have is folded into an adjacent weight, if that is exact. Everything else is reported.

Legend::

    C   channels
    L   rows of a position embedding
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdense.transfer.find import FoundBackbone
from mmdense.transfer.naming_schemes import identify
from mmdense.transfer.naming_schemes.scheme import NamingScheme, fill, match, matches_any
from mmdense.transfer.naming_schemes.vit import BIAS_TABLE, SHARED_BIAS_TABLE
from mmdense.transfer.resize import (
    adapt_input_channels,
    grid_of,
    position_layout,
    resample_patches,
    resize_bias_table,
    resize_line,
    resize_positions,
)

__all__ = ["Plan", "PlannedWeight", "Status", "plan_transfer"]

# Values that keep the function, for weights that a source may not have.
_NEUTRAL = {
    "blocks.{i}.ls1.gamma": 1.0,
    "blocks.{i}.ls2.gamma": 1.0,
    BIAS_TABLE: 0.0,
    SHARED_BIAS_TABLE: 0.0,
    "blocks.{i}.attn.rel_pos_h": 0.0,
    "blocks.{i}.attn.rel_pos_w": 0.0,
    "patch_embed.proj.bias": 0.0,
}
# LayerScale, and the layers that it scales; a block has one of them.
_SCALED_LAYERS = {
    "blocks.{i}.ls1.gamma": ("blocks.{i}.attn.proj",),
    "blocks.{i}.ls2.gamma": ("blocks.{i}.mlp.fc2", "blocks.{i}.mlp.w3"),
}
# What to do if the source never has a weight that the target needs.
_ADVICE = {
    "cls_token": "the source has no class token: build the target with with_cls_token=False and "
    "an out_type of patches such as 'featmap', or allow cls_token, which is then random",
    "norm.weight": "the source has no norm after its last layer: set final_norm=False in the "
    "ViT of MMPretrain or MMSegmentation",
}
_STEMS = ("conv1.weight", "patch_embed.proj.weight", "stem.0.weight", "conv_stem.weight")
_BIAS_TABLES = (
    *(BIAS_TABLE, SHARED_BIAS_TABLE),
    "layers.{i}.blocks.{j}.attn.relative_position_bias_table",
)
_LINES = ("blocks.{i}.attn.rel_pos_h", "blocks.{i}.attn.rel_pos_w")
_LAST_NORMS = ("norm.*", "fc_norm.*", "norm0.*", "norm1.*", "norm2.*")
_EXAMPLES = 5  # keys in a message


class Status(str, Enum):
    """Status of a weight. The values are those of transfer.json."""

    MATCHED = "matched"
    CONVERTED = "changed"
    RESIZED = "resized"
    FILLED = "filled"
    DERIVED = "derived"
    FOLDED = "folded"
    NOT_NEEDED = "not needed"
    LEFT_OVER = "left over"
    MISSING = "missing"
    WRONG_SHAPE = "wrong shape"


class PlannedWeight(NamedTuple):
    """The plan for one weight."""

    name: str  # its key in the target, or the canonical key if only the file has it
    status: Status
    numel: int
    note: str = ""  # sizes, or the change


class Plan(NamedTuple):
    """The plan for all weights."""

    weights: dict[str, Tensor]  # of the target; complete if no entry is MISSING or WRONG_SHAPE
    entries: list[PlannedWeight]  # of the target, then those that only the source has
    schemes: tuple[NamingScheme, NamingScheme]  # of the file, of the target


def plan_transfer(
    found: FoundBackbone, target: nn.Module, *, grid: tuple[int, int] | None = None
) -> Plan:
    """Return the plan for the weights of a target.

    ``grid`` is rows and columns of patches that the source was trained with, if not a square.

    Raises:
        ValueError: Source and target have different families, or the layout of a position
            embedding cannot be inferred.
    """
    state = target.state_dict()
    prefix, scheme = identify(state)
    wanted = {key.removeprefix(prefix): value for key, value in state.items()}
    _check_family(found, scheme, target)
    source_rules, unknown = found.scheme.translate(found.weights)
    target_rules, untranslated = scheme.translate(wanted)
    work = _Canonical(
        {key: rule.read(found.weights) for key, rule in source_rules.items()},
        {key: rule.read(wanted) for key, rule in target_rules.items()},
    )
    tokens = _fit_positions(work, grid, grid_of(target.get_submodule(prefix.rstrip("."))))
    folded = [*_fold(work, tokens), *_fold_bias_tables(work)]
    plan = Plan({}, [], (found.scheme, scheme))
    for key, rule in target_rules.items():
        value, entry = _plan_weight(work, key, _neutral(key, found.scheme, source_rules))
        plan.entries.append(entry._replace(name=", ".join(prefix + own for own in rule.keys)))
        if value is not None:
            for own, part in rule.write(value.to(work.needs[key])).items():
                plan.weights[prefix + own] = part.view_as(wanted[own])
    for key in untranslated:
        status = Status.DERIVED if matches_any(scheme.other, key) else Status.MISSING
        plan.entries.append(PlannedWeight(prefix + key, status, wanted[key].numel()))
    plan.entries.extend(_only_in_source(work, folded))
    plan.entries.extend(
        PlannedWeight(key, Status.LEFT_OVER, found.weights[key].numel()) for key in unknown
    )
    plan.entries.extend(
        PlannedWeight(key, Status.NOT_NEEDED, 0, "not part of a backbone") for key in found.other
    )
    return plan


@dataclass
class _Canonical:
    """Both sides by canonical keys, during planning."""

    values: dict[str, Tensor]  # of the source; changed in place
    needs: dict[str, Tensor]  # of the target
    notes: dict[str, str] = field(default_factory=dict)  # changes of a value


def _check_family(found: FoundBackbone, scheme: NamingScheme, target: nn.Module) -> None:
    if scheme.family == found.scheme.family:
        return
    keys = ", ".join(list(found.weights)[:_EXAMPLES])
    raise ValueError(
        f"{found.location} has {found.scheme.name} ({keys} ...), and {type(target).__name__} is of "
        f"the family {scheme.family}. Use a file of that family or another backbone, or add a key "
        "naming scheme to mmdense/transfer/naming_schemes/"
    )


def _fit_positions(
    work: _Canonical, grid: tuple[int, int] | None, new_grid: tuple[int, int] | None
) -> int:
    """Convert the position embedding; add the positions of tokens without a row to the tokens.

    Returns:
        Number of rows of the new embedding before the patches.
    """
    values, needs, key = work.values, work.needs, "pos_embed"
    if key not in values or key not in needs:
        return 0
    old = position_layout(values[key].shape[1], values, grid)
    new = position_layout(needs[key].shape[1], needs, new_grid)
    if old == new:
        return len(new.tokens)
    values[key], of_tokens = resize_positions(values[key], old, new)
    work.notes[key] = (
        f"{old.grid[0]} x {old.grid[1]} to {new.grid[0]} x {new.grid[1]} patches, "
        f"{len(old.tokens)} to {len(new.tokens)} tokens"
    )
    for token, position in of_tokens.items():
        if token in needs:
            values[token] = values[token] + position
            work.notes[token] = "with its position"
    return len(new.tokens)


def _fold(work: _Canonical, tokens: int) -> list[str]:
    """Fold LayerScale and the patch bias into adjacent weights if the target does not have them."""
    values, folded = work.values, []
    for key in [key for key in values if key not in work.needs]:
        if key == "patch_embed.proj.bias" and "pos_embed" in work.needs and "pos_embed" in values:
            table = values["pos_embed"].clone()
            table[:, tokens:] += values[key]
            values["pos_embed"] = table
            before = work.notes.get("pos_embed", "")
            work.notes["pos_embed"] = f"{before} with the bias of patches".strip()
            folded.append(key)
        for scale, layers in _SCALED_LAYERS.items():
            fields = match(scale, key)
            for layer in () if fields is None else (fill(layer, fields) for layer in layers):
                if f"{layer}.weight" in values:
                    _scale(work, layer, values[key])
                    folded.append(key)
    return folded


def _scale(work: _Canonical, layer: str, gamma: Tensor) -> None:
    for key, scale in ((f"{layer}.weight", gamma.unsqueeze(1)), (f"{layer}.bias", gamma)):
        if key in work.values:
            work.values[key] = work.values[key] * scale
            work.notes[key] = "times LayerScale"


def _fold_bias_tables(work: _Canonical) -> list[str]:
    """Convert the relative positions of BEiT: one table for all blocks, or one in each block.

    Both are added to the attention scores, so one table for all blocks equals that table in each
    block. The reverse is possible if all blocks have the same table.

    Returns:
        Keys of the tables of the source that are now part of others.
    """
    values, needs = work.values, work.needs
    blocks = [fields for key in values if (fields := match("blocks.{i}.norm1.weight", key))]
    own = [fill(BIAS_TABLE, fields) for fields in blocks]
    if SHARED_BIAS_TABLE in values and SHARED_BIAS_TABLE not in needs:
        if not all(key in needs for key in own):
            return []
        shared = values[SHARED_BIAS_TABLE]
        for key in own:
            values[key] = values[key] + shared if key in values else shared
            work.notes[key] = "from the table of all blocks"
        return [SHARED_BIAS_TABLE]
    if SHARED_BIAS_TABLE not in needs or SHARED_BIAS_TABLE in values or not own:
        return []
    complete = all(key in values and key not in needs for key in own)
    if not complete or not all(torch.equal(values[key], values[own[0]]) for key in own):
        return []
    values[SHARED_BIAS_TABLE] = values[own[0]]
    work.notes[SHARED_BIAS_TABLE] = "the same in all blocks"
    return own


def _neutral(key: str, scheme: NamingScheme, source: Iterable[str]) -> float | None:
    """The neutral value of a weight, if the source has no weight of this kind in any block.

    If another block has such a weight, this one is missing, and there is no neutral value.
    """
    for pattern in scheme.optional:
        if match(pattern, key) is not None:
            lost = any(match(pattern, other) is not None for other in source)
            return None if lost else _NEUTRAL[pattern]
    return None


def _plan_weight(
    work: _Canonical, key: str, neutral: float | None
) -> tuple[Tensor | None, PlannedWeight]:
    """The value of a weight of the target, if there is one, and its entry."""
    value, need, note = work.values.get(key), work.needs[key], work.notes.get(key, "")
    entry = PlannedWeight(key, Status.MATCHED, need.numel(), note)
    if value is None:
        if key.endswith("num_batches_tracked"):
            return need, entry._replace(status=Status.DERIVED)
        if neutral is None:
            return None, entry._replace(status=Status.MISSING, note=_ADVICE.get(key, ""))
        note = f"with the neutral value {neutral:g}"
        return torch.full_like(need, neutral), entry._replace(status=Status.FILLED, note=note)
    if value.shape == need.shape:
        if note:
            changed = Status.RESIZED if key == "pos_embed" else Status.CONVERTED
            entry = entry._replace(status=changed)
        return value, entry
    resized = _resize(key, value, need)
    entry = entry._replace(note=f"{[*value.shape]} to {[*need.shape]}")
    if resized is None or resized.shape != need.shape:
        return None, entry._replace(status=Status.WRONG_SHAPE)
    return resized, entry._replace(status=Status.RESIZED)


def _resize(key: str, value: Tensor, need: Tensor) -> Tensor | None:
    """The value in the shape of the target, if its size depends on the image."""
    if value.ndim != need.ndim:
        return None
    try:
        if key in _STEMS:
            value = adapt_input_channels(value, need.shape[1])
            patches = key == "patch_embed.proj.weight"
            return resample_patches(value, (need.shape[2], need.shape[3])) if patches else value
        if matches_any(_BIAS_TABLES, key):
            return resize_bias_table(value, need.shape[0])
    except ValueError:
        return None
    return resize_line(value, need.shape[0]) if matches_any(_LINES, key) else None


def _only_in_source(work: _Canonical, folded: list[str]) -> list[PlannedWeight]:
    """Entries of the translated weights that the target does not have."""
    entries = []
    for key, value in work.values.items():
        if key in folded:
            entries.append(PlannedWeight(key, Status.FOLDED, value.numel()))
        elif key not in work.needs:
            beyond = _is_beyond(key, work.needs)
            status = Status.NOT_NEEDED if beyond else Status.LEFT_OVER
            entries.append(PlannedWeight(key, status, value.numel()))
    return entries


def _is_beyond(key: str, needs: Iterable[str]) -> bool:
    """Whether a weight is used only after the last layer of the target."""
    if matches_any(_LAST_NORMS, key):
        return True
    stage = _stage(key)
    return stage is not None and stage > max((_stage(need) or 0 for need in needs), default=0)


def _stage(key: str) -> int | None:
    """Number of the stage of a ResNet or a Swin."""
    for pattern, shift in (
        ("layers.{i}.downsample.*", 1),  # leads to the next stage
        ("layers.{i}.*", 0),
        ("layer{i}.*", 0),
    ):
        fields = match(pattern, key)
        if fields is not None:
            return int(fields["i"]) + shift
    return None
