"""A suite of downstream trainings for one checkpoint.

A suite is a study config (:mod:`mmdense.workflow.study_stages`). Variants with ``init=CHECKPOINT``
start from the checkpoint of the user. A variant that they are compared with (``against``) starts as
in its config. Variants whose backbone the checkpoint does not fit are left out.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmdense.package_files import locate_config
from mmdense.workflow.stage import read_plan
from mmdense.workflow.study_stages import CHECKPOINT

__all__ = ["SUITES", "downstream_study", "suite_file"]

SUITES = ("small", "coco", "ade20k", "voc")


def suite_file(name: str) -> Path:
    """Return the path of the config of one of :data:`SUITES`, or of another suite.

    Raises:
        ValueError: There is no such suite, and no such file.
    """
    path = locate_config(f"mmdense::downstream/suite_{name}.py" if name in SUITES else name)
    if not path.is_file():
        raise ValueError(f"no such suite: {name}. Use {', '.join(SUITES)} or a config file")
    return path


def downstream_study(
    suite: Path,
    checkpoint: str,
    *,
    percents: Sequence[float] = (100,),
    seeds: Sequence[int] | None = None,
    gpus: int = 1,
    allow: Sequence[str] = (),
    variants: Sequence[str] | None = None,
) -> tuple[Config, dict[str, str]]:
    """Return the study of a suite for a checkpoint, and the reason for each variant left out.

    Args:
        suite: Path of the config of the suite.
        checkpoint: Path or URL of the checkpoint.
        percents: Label fractions in percent; each variant is trained with each.
        seeds: Replace the seeds of the suite.
        gpus: Number of GPUs of each training.
        allow: See :func:`~mmdense.transfer.apply.load_backbone`; applies to every variant, in
            addition to ``allow`` in the suite.
        variants: Names of the variants to train, with their baselines; all by default.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A label fraction is not above 0 and up to 100, or occurs twice; the suite has
            no variant of a name; or the checkpoint fits no backbone of the suite.
    """
    if len(set(percents)) < len(percents) or not all(0 < share <= 100 for share in percents):
        raise ValueError(
            f"labels {list(percents)}: expected distinct percentages above 0 and up to 100"
        )
    cfg = read_plan(suite)
    _choose(cfg, suite, variants)
    left_out: dict[str, str] = {}
    reasons: dict[tuple[str, ...], str] = {}  # by model and what may differ
    for variant in cfg.variants:
        if variant.get("init") == CHECKPOINT:
            variant.allow = sorted({*variant.get("allow", []), *allow})
            changes = variant.get("changes", ConfigDict()).to_dict()
            asked = (variant.base, repr(changes.get("model")), *variant.allow)
            if asked not in reasons:
                reasons[asked] = _incompatibility(variant.base, changes, checkpoint, variant.allow)
            if reasons[asked]:
                left_out[variant.name] = reasons[asked]
    started = [v for v in cfg.variants if v.get("init") == CHECKPOINT and v.name not in left_out]
    if not started:
        listing = "\n".join(f"  {name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"{checkpoint} fits no backbone of {suite}:\n{listing}")
    kept = {variant.name for variant in started} | {v.against for v in started if "against" in v}
    cfg.variants = [
        _with_labels(variant, percent, checkpoint)
        for percent in percents
        for variant in cfg.variants
        if variant.name in kept
    ]
    cfg.seeds = list(cfg.seeds if seeds is None else seeds)
    cfg.gpus = gpus
    return cfg, left_out


def _choose(cfg: Config, suite: Path, names: Sequence[str] | None) -> None:
    """Keep the variants of these names, and those that they are compared with."""
    found = [variant.name for variant in cfg.variants]
    if unknown := [name for name in names or () if name not in found]:
        raise ValueError(f"{suite} has no variant {', '.join(unknown)}; it has {', '.join(found)}")
    if names is not None:
        against = {v.against for v in cfg.variants if v.name in names and "against" in v}
        cfg.variants = [v for v in cfg.variants if v.name in {*names, *against}]


def _incompatibility(
    base: str, changes: Mapping[str, Any], checkpoint: str, allow: Sequence[str]
) -> str:
    """Return why the backbone of a changed config does not take a checkpoint; empty if it does."""
    from mmdense.transfer.apply import IncompatibleCheckpointError, load_alone

    cfg = Config.fromfile(base)
    cfg.merge_from_dict(dict(changes))
    try:
        load_alone(cfg, checkpoint, allow=allow)
    except IncompatibleCheckpointError as error:
        return "; ".join(error.report.faults())
    except ValueError as error:
        return str(error)
    return ""


def _with_labels(variant: ConfigDict, percent: float, checkpoint: str) -> ConfigDict:
    """Return a variant that starts from the checkpoint, with a label fraction."""
    made = copy.deepcopy(variant)
    if made.get("init") == CHECKPOINT:
        made.init = checkpoint
    if percent < 100:
        made.percent = percent
        made.name = f"{made.name}_{percent:g}"
        made.label = f"{made.label}, {percent:g} % of the labels"
        if "against" in made:
            made.against = f"{made.against}_{percent:g}"
    return made
