"""A suite of downstream trainings for one checkpoint: those whose backbone it fills.

A suite is a study config (:mod:`mmdense.workflow.study_stages`). Variants with ``init=CHECKPOINT``
start from the checkpoint of the user; a variant that they are compared with (``against``) starts as
its config says.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config, ConfigDict

from mmdense.package_files import locate_config
from mmdense.workflow.stage import read_plan
from mmdense.workflow.study_stages import CHECKPOINT

__all__ = ["SUITES", "downstream_study", "suite_file"]

SUITES = ("small", "coco", "ade20k", "voc")


def suite_file(name: str) -> Path:
    """Return the config of one of :data:`SUITES`, or of a suite of one's own.

    Raises:
        ValueError: There is no such suite, and no such file.
    """
    path = locate_config(f"mmdense::downstream/suite_{name}.py" if name in SUITES else name)
    if not path.is_file():
        raise ValueError(f"there is no suite {name}: name {', '.join(SUITES)} or a config file")
    return path


def downstream_study(
    suite: Path,
    checkpoint: str,
    *,
    percents: Sequence[float] = (100,),
    seeds: Sequence[int] | None = None,
    gpus: int = 1,
    allow: Sequence[str] = (),
) -> tuple[Config, dict[str, str]]:
    """Return the study of a suite for a checkpoint, and why variants are left out, by name.

    Args:
        suite: Its config.
        checkpoint: File or address.
        percents: Label fractions; each variant is trained with each.
        seeds: Instead of those of the suite.
        gpus: Processes of each training.
        allow: See :func:`~mmdense.transfer.apply.load_backbone`; of every variant, besides what
            the suite allows.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: A label fraction is not above 0 and up to 100, or occurs twice; or the
            checkpoint fits no backbone of the suite.
    """
    if len(set(percents)) < len(percents) or not all(0 < share <= 100 for share in percents):
        raise ValueError(f"labels {list(percents)}: need different shares above 0 and up to 100")
    cfg = read_plan(suite)
    left_out: dict[str, str] = {}
    reasons: dict[tuple[str, ...], str] = {}  # by config of the backbone and what may differ
    for variant in cfg.variants:
        if variant.get("init") == CHECKPOINT:
            variant.allow = sorted({*variant.get("allow", []), *allow})
            asked = (variant.base, *variant.allow)
            if asked not in reasons:
                reasons[asked] = _incompatibility(variant.base, checkpoint, variant.allow)
            if reasons[asked]:
                left_out[variant.name] = reasons[asked]
    started = [v for v in cfg.variants if v.get("init") == CHECKPOINT and v.name not in left_out]
    if not started:
        listing = "\n".join(f"  {name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"{checkpoint} fills no backbone of {suite}:\n{listing}")
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


def _incompatibility(config: str, checkpoint: str, allow: Sequence[str]) -> str:
    """Return why the backbone of a config does not take a checkpoint; empty if it does."""
    from mmdense.transfer.apply import IncompatibleCheckpointError, load_alone

    try:
        load_alone(Config.fromfile(config), checkpoint, allow=allow)
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
