"""A study: variants of one config, each with several seeds, side by side.

A study config names a ``base`` config and ``variants`` (:mod:`mmdense.workflow.study_stages`); it
may pretrain ``before`` them, once for each seed. Every variant with every seed is a separate stage
(:mod:`mmdense.workflow.stage`). The seed is the outer loop, so an interrupted study has complete
rounds of all variants.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmdense.records.record import Record, write_text
from mmdense.records.statistics import summarise
from mmdense.report.project_tables import project_tables
from mmdense.report.study_table import study_table
from mmdense.workflow.runner import Workflow, check_config
from mmdense.workflow.stage import Stage, read_plan
from mmdense.workflow.study_stages import check_variants, study_stages

__all__ = ["Study"]

_REQUIRED = ("name", "slug", "task", "seeds", "data", "variants", "metrics")


@dataclass
class Study(Workflow):
    """A checked study config.

    The config has ``name``, ``slug`` (folder of its record), ``task``, ``seeds``, ``data``,
    ``variants`` and ``metrics`` (``metric``, ``label``, ``scale``); optional are ``base``,
    ``before`` (stages: ``name``, ``config``) and ``baseline``, the variant that those without an
    ``against`` of their own are compared with.
    """

    chosen: tuple[str, ...] = ()  # names of the variants that :meth:`run` trains

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        work_dir: Path | None = None,
        variants: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Study:
        """Read a study config with options by dotted keys, see :meth:`from_config`."""
        cfg = read_plan(path, options)
        return cls.from_config(cfg, str(path), work_dir=work_dir, variants=variants)

    @classmethod
    def from_config(
        cls,
        cfg: Config,
        where: str,
        *,
        work_dir: Path | None = None,
        variants: Sequence[str] | None = None,
    ) -> Study:
        """Check a study config and write the config of each variant to the work directory.

        Args:
            cfg: Config of the study.
            where: Path of the config, for messages.
            work_dir: Work directory, by default ``work_dirs/<name>``.
            variants: Names of the variants to train; all by default.

        Raises:
            ValueError: A key is missing, a data set does not exist, the baseline is no variant,
                there is no variant of a name, or a variant cannot be trained
                (:func:`~mmdense.workflow.study_stages.check_variants`).
        """
        check_config(cfg, where, _REQUIRED)
        check_variants(cfg, where)
        names = [variant.name for variant in cfg.variants]
        if cfg.get("baseline") not in (None, *names):
            raise ValueError(
                f"{where}: baseline is {cfg.baseline!r}; the variants are {', '.join(names)}"
            )
        chosen = tuple(names if variants is None else variants)
        if unknown := [name for name in chosen if name not in names]:
            raise ValueError(
                f"{where} has no variant {', '.join(unknown)}; it has {', '.join(names)}"
            )
        work_dir = work_dir or Path("work_dirs") / cfg.name
        return cls(cfg, study_stages(cfg, work_dir), work_dir, chosen=chosen)

    @property
    def left_out(self) -> list[str]:
        """Names of the variants that are not trained now."""
        return [variant.name for variant in self.cfg.variants if variant.name not in self.chosen]

    def chosen_stages(self) -> list[Stage]:
        """Return the stages of the chosen variants, and those that they start from."""
        chosen = [stage for stage in self.stages if stage.variant in self.chosen]
        needed = {stage.after for stage in chosen}
        return [stage for stage in self.stages if stage in chosen or stage.name in needed]

    def summarise(self, record: Record) -> None:
        """Keep for each variant and metric the mean over the seeds.

        With two or more seeds, also keep the sample standard deviation and the 95 % confidence
        interval: ``<variant>/<metric>/mean``, ``sd``, ``low`` and ``high``.
        """
        for variant in self.cfg.variants:
            runs = [
                entry["metrics"]
                for stage, entry in zip(self.stages, record.stages, strict=True)
                if stage.variant == variant.name
            ]
            for key in dict.fromkeys(key for run in runs for key in run):
                found = summarise([run.get(key, math.nan) for run in runs])
                for what, value in found._asdict().items():
                    if what == "mean" or len(runs) > 1:
                        record.metrics[f"{variant.name}/{key}/{what}"] = value

    def write_tables(self, record: Record) -> list[Path]:
        """Write the table of the variants."""
        path = self.work_dir / "table.md"
        words = project_tables().verdict_words
        baseline = self.cfg.get("baseline")
        table = study_table(record, None, baseline, title=record.name, words=words)
        write_text(table.markdown() + "\n", path)
        self.console.print(table.terminal())
        return [path]
