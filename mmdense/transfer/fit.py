"""From the weights of one backbone to those of another, by the names of their dialects.

Both sides are brought to the canonical names of their family. What the target needs is then taken,
resized where its size depends on the picture, or filled in where a value leaves the function of the
source as it is (a LayerScale of ones, a bias of zeros). What the target has no place for is folded
into a neighbour where that is exact. Everything else is told, and nothing is guessed.

Legend::

    C   channels
    L   rows of a table of positions
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mmdense.transfer.dialect import Dialect
from mmdense.transfer.places import dialect_behind, places_of, read_place, write_place
from mmdense.transfer.positions import fit_positions, grid_of, position_table
from mmdense.transfer.report import Entry
from mmdense.transfer.resize import (
    adapt_input_channels,
    resample_patches,
    resize_bias_table,
    resize_line,
)
from mmdense.transfer.shared_bias import SHARED_BIAS, fit_shared_bias
from mmdense.transfer.source import Source
from mmdense.transfer.templates import any_matches, fill_template, match_template

__all__ = ["Fit", "fit_backbone"]

# Values that leave the function as it is, for weights that a source may be built without.
_NEUTRAL = {
    "blocks.{i}.ls1.gamma": 1.0,
    "blocks.{i}.ls2.gamma": 1.0,
    "blocks.{i}.attn.relative_position_bias_table": 0.0,
    SHARED_BIAS: 0.0,
    "blocks.{i}.attn.rel_pos_h": 0.0,
    "blocks.{i}.attn.rel_pos_w": 0.0,
    "patch_embed.proj.bias": 0.0,
}
# A scale of channels, and the layers whose outputs it scales: one of them is there.
_SCALED = {
    "blocks.{i}.ls1.gamma": ("blocks.{i}.attn.proj",),
    "blocks.{i}.ls2.gamma": ("blocks.{i}.mlp.fc2", "blocks.{i}.mlp.w3"),
}
# What to do where the target needs a weight that a kind of release never has.
_ADVICE = {
    "cls_token": "the source has no class token: build the target with with_cls_token=False and "
    "an out_type of patches such as 'featmap', or allow cls_token, which then starts at random",
    "norm.weight": "the source has no norm behind its last layer: MMPretrain's and "
    "MMSegmentation's ViT build none with final_norm=False",
}
_STEMS = ("conv1.weight", "patch_embed.proj.weight", "stem.0.weight", "conv_stem.weight")
_TABLES = (
    "blocks.{i}.attn.relative_position_bias_table",
    "layers.{i}.blocks.{j}.attn.relative_position_bias_table",
    SHARED_BIAS,
)
_SHOWN = 5  # names in a message
_LINES = ("blocks.{i}.attn.rel_pos_h", "blocks.{i}.attn.rel_pos_w")
# Norms after the last layer: without them the features are what they were before the norm.
_LAST_NORMS = ("norm.*", "fc_norm.*", "norm0.*", "norm1.*", "norm2.*")


class Fit(NamedTuple):
    """What became of every weight.

    Attributes:
        weights: of the target, complete where no entry says ``missing`` or ``wrong shape``.
        entries: for each weight of the target, and for each that the source has besides.
    """

    weights: dict[str, Tensor]
    entries: list[Entry]


def fit_backbone(source: Source, target: nn.Module, *, grid: tuple[int, int] | None = None) -> Fit:
    """Work out the weights of a backbone from those of another; nothing is written to it.

    Args:
        source: where from.
        target: what is to be filled.
        grid: rows and columns of patches that the source was trained with, if not a square.

    Raises:
        ValueError: the two are of different families, or a table of positions has no layout that
            can be inferred.
    """
    state = target.state_dict()
    prefix, dialect = dialect_behind(state)
    wanted = {name.removeprefix(prefix): value for name, value in state.items()}
    _check_family(source, dialect, target)
    here, unknown = places_of(source.weights, source.dialect)
    there, others = places_of(wanted, dialect)
    values = {name: read_place(place, source.weights) for name, place in here.items()}
    needs = {name: read_place(place, wanted) for name, place in there.items()}
    notes: dict[str, str] = {}
    tokens = 0
    if "pos_embed" in values and "pos_embed" in needs:
        tokens = _fit_positions(
            values, needs, notes, grid, grid_of(target.get_submodule(prefix[:-1]))
        )
    folded = _fold(values, needs, notes, tokens) + fit_shared_bias(values, needs, notes)
    fit = Fit({}, [])
    for name, need in needs.items():
        neutral = _neutral(name, source.dialect, here)
        value, entry = _fitted(name, values.get(name), need, notes.get(name, ""), neutral)
        fit.entries.append(entry._replace(name=", ".join(prefix + own for own in there[name].own)))
        if value is not None:
            for own, part in write_place(there[name], value.to(need)).items():
                fit.weights[prefix + own] = part.view_as(wanted[own])
    for name in others:
        derived = dialect is not None and any_matches(dialect.heads, name)
        status = "derived" if derived else "missing"
        fit.entries.append(Entry(prefix + name, status, wanted[name].numel()))
    fit.entries.extend(_rest(source, values, unknown, needs, folded))
    return fit


def _rest(
    source: Source,
    values: dict[str, Tensor],
    unknown: list[str],
    needs: dict[str, Tensor],
    folded: list[str],
) -> list[Entry]:
    """What becomes of the weights that only the file has."""
    rest = []
    for name, value in values.items():
        if name in folded:
            rest.append(Entry(name, "folded", value.numel()))
        elif name not in needs:
            status = "not needed" if _is_beyond(name, needs) else "left over"
            rest.append(Entry(name, status, value.numel()))
    rest += [Entry(name, "left over", source.weights[name].numel()) for name in unknown]
    return rest + [Entry(name, "not needed", 0, "no part of a backbone") for name in source.heads]


def _check_family(source: Source, dialect: Dialect | None, target: nn.Module) -> None:
    ours = None if dialect is None else dialect.family
    if ours == (None if source.dialect is None else source.dialect.family):
        return
    kind = type(target).__name__
    if source.dialect is not None:
        raise ValueError(
            f"the file holds a {source.dialect.name} ({source.place}), and {kind} is of "
            f"{'another family, ' + ours if ours else 'a family that no table knows'}: take a "
            "file of that family, or another backbone"
        )
    names = list(source.weights)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    raise ValueError(
        f"the names in the file ({source.place}: {', '.join(names[:_SHOWN])}{more}) are those of "
        f"no {kind} that a table knows: take another file, or add a table of these names to "
        "mmdense/transfer/dialects.py"
    )


def _fit_positions(
    values: dict[str, Tensor],
    needs: dict[str, Tensor],
    notes: dict[str, str],
    grid: tuple[int, int] | None,
    new_grid: tuple[int, int] | None,
) -> int:
    """Bring the table of positions to the target's layout; tokens without a row take theirs.

    Returns:
        Rows of the new table in front of the patches.
    """
    old = position_table(values["pos_embed"].shape[1], list(values), grid)
    new = position_table(needs["pos_embed"].shape[1], list(needs), new_grid)
    if old == new:
        return len(new.tokens)
    values["pos_embed"], rest = fit_positions(values["pos_embed"], old, new)
    notes["pos_embed"] = (
        f"{old.grid[0]} x {old.grid[1]} to {new.grid[0]} x {new.grid[1]} patches, "
        f"{len(old.tokens)} to {len(new.tokens)} tokens"
    )
    for token, row in rest.items():
        if token in needs:
            values[token] = values[token] + row
            notes[token] = "with its position"
    return len(new.tokens)


def _fold(
    values: dict[str, Tensor], needs: dict[str, Tensor], notes: dict[str, str], tokens: int
) -> list[str]:
    """Fold what the target has no place for into a neighbour, where that is exact."""
    folded = []
    for name in [name for name in values if name not in needs]:
        if name == "patch_embed.proj.bias" and "pos_embed" in needs and "pos_embed" in values:
            table = values["pos_embed"].clone()
            table[:, tokens:] += values[name]
            values["pos_embed"] = table
            notes["pos_embed"] = f"{notes.get('pos_embed', '')} with the bias of patches".strip()
            folded.append(name)
        for scale, layers in _SCALED.items():
            fields = match_template(scale, name)
            if fields is None:
                continue
            for layer in (fill_template(part, fields) for part in layers):
                if f"{layer}.weight" in values:
                    _scale(values, layer, values[name], notes)
                    folded.append(name)
    return folded


def _scale(values: dict[str, Tensor], layer: str, gamma: Tensor, notes: dict[str, str]) -> None:
    for part, scale in ((f"{layer}.weight", gamma.unsqueeze(1)), (f"{layer}.bias", gamma)):
        if part in values:
            values[part] = values[part] * scale
            notes[part] = "times LayerScale"


def _fitted(
    name: str, value: Tensor | None, need: Tensor, note: str, neutral: float | None
) -> tuple[Tensor | None, Entry]:
    """Value of a weight, if there is one, and what became of it."""
    entry = Entry(name, "matched", need.numel(), note)
    if value is None:
        if name.endswith("num_batches_tracked"):
            return need, entry._replace(status="derived")
        if neutral is None:
            return None, entry._replace(status="missing", note=_ADVICE.get(name, ""))
        note = f"with {neutral:g}, which changes nothing"
        return torch.full_like(need, neutral), entry._replace(status="filled", note=note)
    if value.shape == need.shape:
        if note:
            entry = entry._replace(status="resized" if name == "pos_embed" else "changed")
        return value, entry
    resized = _resized(name, value, need)
    entry = entry._replace(note=f"{[*value.shape]} to {[*need.shape]}")
    if resized is None or resized.shape != need.shape:
        return None, entry._replace(status="wrong shape")
    return resized, entry._replace(status="resized")


def _neutral(name: str, dialect: Dialect | None, here: Iterable[str]) -> float | None:
    """The value that leaves the function as it is, where the source was built without this part.

    Some of its dialect are, and it has no other weight of the kind: one of many has got lost.
    """
    for template in () if dialect is None else dialect.optional:
        if match_template(template, name) is not None:
            lost = any(match_template(template, other) is not None for other in here)
            return None if lost else _NEUTRAL[template]
    return None


def _resized(name: str, value: Tensor, need: Tensor) -> Tensor | None:
    """The value in the shape that is needed, where its size depends on the picture."""
    if value.ndim != need.ndim:
        return None
    try:
        if name in _STEMS:
            value = adapt_input_channels(value, need.shape[1])
            patches = name == "patch_embed.proj.weight"
            return resample_patches(value, (need.shape[2], need.shape[3])) if patches else value
        if any_matches(_TABLES, name):
            return resize_bias_table(value, need.shape[0])
    except ValueError:
        return None
    return resize_line(value, need.shape[0]) if any_matches(_LINES, name) else None


def _is_beyond(name: str, needs: dict[str, Tensor]) -> bool:
    """Whether a weight acts only after everything that the target computes."""
    if any_matches(_LAST_NORMS, name):
        return True
    stage = _stage(name)
    return stage is not None and stage > max((_stage(need) or 0 for need in needs), default=0)


def _stage(name: str) -> int | None:
    """Number of the stage of a ResNet or a Swin."""
    for template, shift in (
        ("layers.{i}.downsample.*", 1),  # the way into the next stage
        ("layers.{i}.*", 0),
        ("layer{i}.*", 0),
    ):
        fields = match_template(template, name)
        if fields is not None:
            return int(fields["i"]) + shift
    return None
