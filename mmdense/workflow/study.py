"""A study: variants of one config, each trained with several seeds, and their scores side by side.

A study config names a ``base`` config and ``variants`` (:mod:`mmdense.workflow.study_stages`); it
may pretrain ``before`` them, once for each seed. Every variant and seed is a stage of its own
(:mod:`mmdense.workflow.stage`): it runs once, and again only when what goes into it has changed.
Seeds come outermost, so an interrupted study has whole rounds of all variants.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from rich.console import Console

from mmdense.config.options import read_config
from mmdense.records.expected import compare_expected
from mmdense.records.record import Record, keep, save
from mmdense.records.statistics import summarise
from mmdense.records.study_comparisons import study_comparisons
from mmdense.records.study_table import study_table
from mmdense.workflow.pipeline import check_data, prepare_data
from mmdense.workflow.pipeline_report import gather
from mmdense.workflow.progress import StageProgress
from mmdense.workflow.stage import fingerprint, last_checkpoint, run_stage
from mmdense.workflow.study_stages import StudyStage, check_variants, study_stages

__all__ = ["Study"]

_REQUIRED = ("name", "slug", "task", "seeds", "data", "variants", "metrics")


@dataclass
class Study:
    """A study config, read and checked.

    Attributes:
        cfg: The config: ``name``, ``slug`` (folder of its record), ``task``, ``seeds``, ``data``,
            ``variants``, ``metrics`` (``metric``, ``label``, ``scale``); where it has them
            ``base``, ``before`` (stages: ``name``, ``config``) and ``baseline``, the variant that
            those without an ``against`` of their own are compared with.
        work_dir: Where everything is written.
        chosen: Names of the variants that :meth:`run` trains.
        console: Where progress is printed.
    """

    cfg: Config
    work_dir: Path
    chosen: tuple[str, ...]
    console: Console

    @classmethod
    def from_file(
        cls,
        path: Path,
        *,
        work_dir: Path | None = None,
        variants: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> "Study":
        """Read a study config.

        Args:
            path: The config.
            work_dir: Default ``work_dirs/<name>``.
            variants: Names of those to train; all by default.
            options: Values of the config by dotted keys
                (:func:`~mmdense.config.options.read_config`).

        Raises:
            ValueError: A key is missing, a data set does not exist, the baseline is no variant,
                there is no variant of a name, or a variant cannot be trained
                (:func:`~mmdense.workflow.study_stages.check_variants`).
        """
        return cls.from_config(
            read_config(path, options), str(path), work_dir=work_dir, variants=variants
        )

    @classmethod
    def from_config(
        cls,
        cfg: Config,
        where: str,
        *,
        work_dir: Path | None = None,
        variants: Sequence[str] | None = None,
    ) -> "Study":
        """Check a study config; the same as :meth:`from_file`, which calls the file ``where``."""
        missing = [key for key in _REQUIRED if key not in cfg]
        if missing:
            raise ValueError(f"{where} lacks {', '.join(missing)}")
        check_data(cfg.data, where)
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
        return cls(cfg, work_dir or Path("work_dirs") / cfg.name, chosen, Console())

    @property
    def left_out(self) -> list[str]:
        """Names of the variants that are not trained now."""
        return [variant.name for variant in self.cfg.variants if variant.name not in self.chosen]

    def run(self, *, source: Path | None = None) -> None:
        """Prepare the data and train what is chosen and has not been trained.

        Args:
            source: Folder with the archives of real data, for sets that are not generated.

        Raises:
            StageError: A training failed.
            ValueError, OSError: The data cannot be prepared.
        """
        data = prepare_data(self.cfg.data, source)
        planned = [entry for entry in self._stages() if entry.variant in self._needed()]
        marks: dict[str, str] = {}
        for number, (stage, seed, _, before) in enumerate(planned, start=1):
            marks[stage.name] = fingerprint(
                stage, data=data, before=before and marks[before], seed=seed
            )
            label = f"[{number}/{len(planned)}] {stage.name}"
            with StageProgress(label, self.console) as progress:
                ran = run_stage(
                    stage,
                    work_dir=self.work_dir,
                    mark=marks[stage.name],
                    checkpoint=last_checkpoint(before, self.work_dir) if before else None,
                    seed=seed,
                    on_line=progress.line,
                )
                progress.done(f"done in {progress.elapsed}" if ran else "unchanged, not run again")

    def _needed(self) -> set[str]:
        """The chosen variants, and what they start from."""
        chosen = [variant for variant in self.cfg.variants if variant.name in self.chosen]
        return {*self.chosen, *(variant.after for variant in chosen if "after" in variant)}

    def report(self, *, keep_as: str | None = None) -> Path:
        """Write record, table and the page to the work directory.

        The record has for each variant and metric the mean over the seeds and, of two seeds or
        more, the sample standard deviation and the 95 % confidence interval:
        ``<variant>/<metric>/mean``, ``sd``, ``low`` and ``high``. Each variant with a baseline is
        compared with it seed by seed. The record is written first: what fails later does not lose
        it.

        Args:
            keep_as: Also keep the record below ``results/<slug>`` under this name.

        Returns:
            The path of the record.

        Raises:
            RecordError: A training left no record, or the record cannot be kept.
        """
        from mmdense.report.page import write_report  # late: matplotlib is slow to import

        planned = self._stages()
        record = Record.begin(self.cfg.slug, self.cfg.name, config=self.cfg, seed=None)
        gather(record, [entry.stage for entry in planned], self.work_dir)
        for variant in self.cfg.variants:
            runs = [
                entry["metrics"]
                for plan, entry in zip(planned, record.stages, strict=True)
                if plan.variant == variant.name
            ]
            for key in dict.fromkeys(key for run in runs for key in run):
                found = summarise([run.get(key, math.nan) for run in runs])
                for what, value in found._asdict().items():
                    if what == "mean" or len(runs) > 1:
                        record.metrics[f"{variant.name}/{key}/{what}"] = value
        record.comparisons = study_comparisons(record)
        said = compare_expected(self.cfg.get("expected", []), record.metrics)
        record.notes += said
        path = save(record, self.work_dir / "record.json")
        table = study_table(record)
        (self.work_dir / "table.md").write_text(table + "\n", encoding="utf-8")
        for text in (table, *said):
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)
        written = [path, self.work_dir / "table.md"]
        if keep_as:
            written.append(keep(record, keep_as))
        for file in written:
            self.console.print(f"wrote {file}", markup=False, highlight=False, soft_wrap=True)
        page = write_report([self.work_dir])
        self.console.print(f"wrote {page}", markup=False, highlight=False, soft_wrap=True)
        return path

    def _stages(self) -> list[StudyStage]:
        return study_stages(self.cfg, self.work_dir)
