"""Stages of a study: every variant with every seed, and its initial weights.

A variant is a config that is written from its ``base``:

    changes   keys of the base with other values
    percent   label fraction in percent; images are repeated to keep the number of steps
    after     a stage of ``before`` that it starts from, of the same seed
    init      a checkpoint that it starts from, for all seeds
    allow     differences between checkpoint and backbone that are accepted
    data      names of its data sets, for tables; by default those of the study
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict

from mmdense.records.record import write_text
from mmdense.workflow.stage import Stage

__all__ = ["CHECKPOINT", "check_variants", "study_stages"]

#: ``init`` of a variant whose checkpoint the user names: tools/downstream.py.
CHECKPOINT = "CHECKPOINT"
_FEW_LABELS = """train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type="RepeatDataset",
        times={1},
        dataset=dict(
            type="mmdense.FewLabels",
            percent={0},
            seed=0,
            dataset=_base_.train_dataloader.dataset,
        ),
    )
)"""
_KEYS = {
    *("name", "label", "base", "changes", "percent", "after", "init", "allow", "data"),
    *("group", "against", "paper"),  # of tables
}


def check_variants(cfg: Config, where: str) -> None:
    """Check that all variants can be trained.

    Args:
        cfg: Config of the study.
        where: Path of the config, for messages.

    Raises:
        ValueError: A name is used twice; a config does not exist or lacks a key that a variant
            changes; a variant names a baseline or a stage that does not exist; or a variant has
            an unknown key.
    """
    before = cfg.get("before", [])
    names = [entry.name for entry in [*before, *cfg.variants]]
    if len(set(names)) < len(names) or len(set(cfg.seeds)) < len(cfg.seeds):
        raise ValueError(f"{where}: a variant or a seed occurs twice: {names}, {cfg.seeds}")
    for number, entry in enumerate(before):
        if not Path(entry.config).is_file():
            raise ValueError(f"{where}: before[{number}].config: there is no file {entry.config}")
    for number, variant in enumerate(cfg.variants):
        for fault in _faults(cfg, variant, names[: len(before)], names[len(before) :]):
            raise ValueError(f"{where}: variants[{number}]{fault}")


def _faults(cfg: Config, variant: ConfigDict, before: list[str], names: list[str]) -> Iterator[str]:
    if unknown := sorted(set(variant) - _KEYS):
        yield f": unknown keys {', '.join(unknown)}; the keys are {', '.join(sorted(_KEYS))}"
    base = variant.get("base", cfg.get("base"))
    if base is None or not Path(base).is_file():
        yield f".base: there is no file {base}"
        return
    changes = set(variant.get("changes", {}))
    if changes and (unknown := sorted(changes - set(Config.fromfile(base)))):
        yield f".changes: {base} has no {', '.join(unknown)}"
    if variant.get("after") not in (None, *before):
        yield f".after is {variant.after!r}; the stages before it are {', '.join(before) or 'none'}"
    if variant.get("against") not in (None, *names):
        yield f".against is {variant.against!r}; the variants are {', '.join(names)}"
    if variant.get("init") == CHECKPOINT:
        yield ".init is set by the command line: mmdense downstream CHECKPOINT --suite ..."
    if "init" in variant and "after" in variant:
        yield ": give 'init' or 'after', not both"
    if "allow" in variant and "init" not in variant:
        yield ".allow needs 'init', the checkpoint that it applies to"
    if not 0 < variant.get("percent", 100) <= 100:
        yield f".percent is {variant.percent}; expected a number above 0 and up to 100"
    if "percent" in variant and "train_dataloader" in variant.get("changes", {}):
        yield ".percent takes a fraction of the base's train_dataloader, which 'changes' replaces"


def study_stages(cfg: Config, work_dir: Path) -> list[Stage]:
    """Return every training of a study in order; write the config of each variant."""
    data = ", ".join(entry.name for entry in cfg.data)
    configs = {variant.name: _write_config(cfg, variant, work_dir) for variant in cfg.variants}
    stages = []
    for seed in cfg.seeds:
        common: dict[str, Any] = {"tool": "train", "seed": seed, "gpus": cfg.get("gpus", 1)}
        for entry in cfg.get("before", []):
            stage = Stage(
                name=f"{entry.name}/seed{seed}",
                config=entry.config,
                task=entry.get("task", "pretrain"),
                data=entry.get("data", data),
                variant=entry.name,
                **common,
            )
            stages.append(stage)
        for variant in cfg.variants:
            after = variant.get("after")
            stage = Stage(
                name=f"{variant.name}/seed{seed}",
                config=configs[variant.name],
                task=cfg.task,
                data=variant.get("data", data),
                after=after and f"{after}/seed{seed}",
                options=_start(variant, trust=cfg.get("trust_checkpoint", False)),
                variant=variant.name,
                **common,
            )
            stages.append(stage)
    return stages


def _start(variant: ConfigDict, *, trust: bool) -> tuple[str, ...]:
    """Return the options of tools/train.py for the initial weights of a variant."""
    if "init" not in variant:
        return ()
    start = ["--init", variant.init, *(["--trust-checkpoint"] if trust else [])]
    return (*start, "--allow", *variant.allow) if variant.get("allow") else tuple(start)


def _write_config(cfg: Config, variant: ConfigDict, work_dir: Path) -> str:
    path = work_dir / variant.name / "config.py"
    changes: dict[str, Any] = variant.get("changes", ConfigDict()).to_dict()
    lines = [f"_base_ = {str(Path(variant.get('base', cfg.get('base'))).resolve())!r}"]
    lines += [f"{key} = {value!r}" for key, value in changes.items()]
    if variant.get("percent", 100) < 100:
        lines.append(_FEW_LABELS.format(variant.percent, round(100 / variant.percent)))
    return str(write_text("\n".join(lines) + "\n", path))
