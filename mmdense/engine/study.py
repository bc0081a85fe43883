"""A study: variants of one config, each trained with several seeds, and their scores side by side.

A study config names a ``base`` config and ``variants``, each with its ``changes`` to the base.
Every variant and seed is a stage of its own (see :mod:`mmdense.engine.stage`): it runs once, and
again only when what goes into it has changed. Seeds come outermost, so an interrupted study has
whole rounds of all variants.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config
from rich.console import Console

from mmdense.engine.pipeline import check_data, prepare_data
from mmdense.engine.pipeline_report import gather
from mmdense.engine.progress import StageProgress
from mmdense.engine.stage import Stage, fingerprint, run_stage
from mmdense.records.expected import compare_expected
from mmdense.records.record import Record, keep, save
from mmdense.records.statistics import summarise
from mmdense.records.study_table import study_table

__all__ = ["Study"]

_REQUIRED = ("name", "slug", "task", "seeds", "data", "base", "variants", "metrics")


@dataclass
class Study:
    """A study config, read and checked.

    Attributes:
        cfg: The config: ``name``, ``slug`` (folder of its record), ``task``, ``seeds``, ``data``,
            ``base``, ``variants`` (``name``, ``label``, ``changes``), ``metrics`` (``metric``,
            ``label``, ``scale``) and, where the page shall compare with one variant, ``baseline``.
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
        cls, path: Path, *, work_dir: Path | None = None, variants: Sequence[str] | None = None
    ) -> "Study":
        """Read a study config.

        Args:
            path: The config.
            work_dir: Default ``work_dirs/<name>``.
            variants: Names of those to train; all by default.

        Raises:
            ValueError: A key is missing, a data set or the base config does not exist, a name is
                used twice, a variant changes nothing that the base has, the baseline is no variant,
                or there is no variant of a name.
        """
        cfg = Config.fromfile(path)
        missing = [key for key in _REQUIRED if key not in cfg]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)}")
        check_data(cfg.data, str(path))
        if not Path(cfg.base).is_file():
            raise ValueError(f"{path}: base: there is no file {cfg.base}")
        names = [variant.name for variant in cfg.variants]
        if len(set(names)) < len(names) or len(set(cfg.seeds)) < len(cfg.seeds):
            raise ValueError(f"{path}: a variant or a seed stands twice: {names}, {cfg.seeds}")
        if cfg.get("baseline") not in (None, *names):
            raise ValueError(
                f"{path}: baseline is {cfg.baseline!r}; the variants are {', '.join(names)}"
            )
        known = Config.fromfile(cfg.base)
        for number, variant in enumerate(cfg.variants):
            if unknown := sorted(set(variant.changes) - set(known)):
                raise ValueError(
                    f"{path}: variants[{number}].changes: {cfg.base} has no {', '.join(unknown)}"
                )
        chosen = tuple(names if variants is None else variants)
        if unknown := [name for name in chosen if name not in names]:
            raise ValueError(
                f"{path} has no variant {', '.join(unknown)}; it has {', '.join(names)}"
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
        stages = [pair for pair in self._stages() if _variant(pair[0]) in self.chosen]
        for number, (stage, seed) in enumerate(stages, start=1):
            label = f"[{number}/{len(stages)}] {stage.name}"
            with StageProgress(label, self.console) as progress:
                ran = run_stage(
                    stage,
                    work_dir=self.work_dir,
                    mark=fingerprint(stage, data=data, before=None, seed=seed),
                    checkpoint=None,
                    seed=seed,
                    on_line=progress.line,
                )
                progress.done(f"done in {progress.elapsed}" if ran else "unchanged, not run again")

    def report(self, *, keep_as: str | None = None) -> Path:
        """Write record, table and the page to the work directory.

        The record has for each variant and metric the mean over the seeds and, of two seeds or
        more, the sample standard deviation and the 95 % confidence interval:
        ``<variant>/<metric>/mean``, ``sd``, ``low`` and ``high``. It is written first: what fails
        later does not lose it.

        Args:
            keep_as: Also keep the record below ``results/<slug>`` under this name.

        Returns:
            The path of the record.

        Raises:
            RecordError: A training left no record, or the record cannot be kept.
        """
        from mmdense.report.page import write_report  # late: matplotlib is slow to import

        stages = [stage for stage, _ in self._stages()]
        record = Record.begin(self.cfg.slug, self.cfg.name, config=self.cfg, seed=None)
        gather(record, stages, self.work_dir)
        for variant in self.cfg.variants:
            runs = [
                entry["metrics"]
                for stage, entry in zip(stages, record.stages, strict=True)
                if _variant(stage) == variant.name
            ]
            for key in runs[0]:
                found = summarise([run.get(key, math.nan) for run in runs])
                for what, value in found._asdict().items():
                    if what == "mean" or len(runs) > 1:
                        record.metrics[f"{variant.name}/{key}/{what}"] = value
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

    def _stages(self) -> list[tuple[Stage, int]]:
        """Every variant with every seed; writes the config of each variant."""
        configs = {}
        for variant in self.cfg.variants:
            path = self.work_dir / variant.name / "config.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            changes = variant.changes.to_dict().items()
            lines = [f"_base_ = {str(Path(self.cfg.base).resolve())!r}"]
            lines += [f"{key} = {value!r}" for key, value in changes]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
            configs[variant.name] = str(path)
        return [
            (
                Stage(
                    name=f"{variant.name}/seed{seed}",
                    tool="train",
                    config=configs[variant.name],
                    task=self.cfg.task,
                    data=", ".join(entry.name for entry in self.cfg.data),
                ),
                seed,
            )
            for seed in self.cfg.seeds
            for variant in self.cfg.variants
        ]


def _variant(stage: Stage) -> str:
    return stage.name.split("/")[0]
