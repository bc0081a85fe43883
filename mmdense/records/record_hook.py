"""The hook that writes ``record.json`` at the end of a run."""

import os
import time
from collections.abc import Mapping
from copy import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdense.data.batch_size import batch_size
from mmdense.records.checks import check_scores
from mmdense.records.cost import CostMeter, over_processes
from mmdense.records.curve import Curve
from mmdense.records.data_checksum import data_checksum
from mmdense.records.environment import peak_gpu_memory_mib, peak_memory_mib
from mmdense.records.expected import PART_OF_A_WHOLE
from mmdense.records.old_records import FIRST
from mmdense.records.record import FILE_NAME, Record, save, write_json
from mmdense.registry import HOOKS

TEST_FILE_NAME = "test_record.json"
# If set to "<iterations>:<file>", a training writes its losses to the file after this number of
# iterations, and ends.
ONLY_FIRST_LOSSES = "MMDENSE_FIRST_LOSSES"

_STATE = "mmdense_record"  # key in the message hub, which is part of a checkpoint
_CONTINUED = ("date", "metrics", "notes", "first_losses", "data")  # fields of the record in it
_WARM_UP = 5  # iterations of a process before its speed is measured
_MEMORY_EVERY = 50  # iterations between two measurements of the memory of workers


@HOOKS.register_module()
class RecordHook(Hook):
    """Writes a :class:`~mmdense.records.record.Record` of the run, on rank 0.

    A training writes ``<work_dir>/record.json``; a test in the same process adds its metrics. A
    test in a separate process writes ``<work_dir>/test_record.json``, so that it does not replace
    the record of the training.

    Curves have the losses and learning rates of training (``train/loss``) and every scalar metric
    of validation (``val/coco/bbox_mAP``) over training iterations. ``metrics`` has the last value
    of each metric with its name in the evaluator, ``checks`` compares them with ``expected`` of the
    config, and ``first_losses`` has the losses of the first 20 iterations.

    A resumed run continues the curves, the wall time and the speed from its checkpoint.

    Args:
        slug: Group of the record; by default the name of the folder of the config.
        name: Name of the run; by default the stem of the config file.
    """

    priority = "LOW"  # after the hooks that measure, before the one that writes checkpoints

    def __init__(self, slug: str | None = None, name: str | None = None) -> None:
        self._slug, self._name = slug, name
        self._record: Record | None = None
        self._cost: CostMeter | None = None
        self._curves: dict[str, Curve] = {}
        self._images = 0
        self._image_seconds = 0.0
        self._peak_memory_mib = 0.0
        self._wall_before = 0.0  # seconds of the parts before a resume
        self._cost_before: dict[str, float] = {}  # of those parts
        self._iterations_here = 0
        self._trained = False

    def before_run(self, runner: Runner) -> None:
        """Store the commit and the environment at the start."""
        if self._cost is not None:
            return
        self._cost = CostMeter.of_process()
        if not is_main_process():
            return
        self._started = self._mark = time.perf_counter()
        file = Path(runner.cfg.filename or "unnamed/unnamed.py")
        self._record = Record.begin(
            self._slug or file.absolute().parent.name,
            self._name or file.stem,
            config=runner.cfg,
            seed=runner.seed,
        )

    def before_train(self, runner: Runner) -> None:
        """Restore the state from the checkpoint of a resumed run."""
        if self._record is None:
            return
        self._trained = True
        self._record.images = len(runner.train_dataloader.dataset)
        self._note_data("train", runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            self._note_data("val", runner.val_dataloader.dataset)
        if runner.iter == 0 or (state := runner.message_hub.get_info(_STATE)) is None:
            return
        self._curves = {key: Curve(**curve) for key, curve in state["curves"].items()}
        self._images, self._image_seconds = state["images"], state["image_seconds"]
        self._peak_memory_mib = state["peak_memory_mib"]
        self._wall_before = state["wall_time_s"]
        self._cost_before = state.get("cost", {})
        for name in ("date", "metrics", "first_losses"):
            setattr(self._record, name, copy(state.get(name, getattr(self._record, name))))
        earlier = "" if state["commit"] == self._record.git["commit"] else f" ({state['commit']})"
        note = f"resumed after iteration {runner.iter}{earlier and ' of another commit' + earlier}"
        self._record.notes = [*state["notes"], note]
        if runner.world_size > 1:
            self._record.notes.append(
                "processor time and energy before the resume are of one process"
            )
        self._join_data(state.get("data", {}))

    def before_val(self, runner: Runner) -> None:
        """Store the checksum of the validation data."""
        self._note_data("val", runner.val_dataloader.dataset)

    def before_test(self, runner: Runner) -> None:
        """Store the checksum of the test data."""
        self._note_data("test", runner.test_dataloader.dataset)

    def before_train_epoch(self, runner: Runner) -> None:
        """Measure training time from here, without validation and checkpoints."""
        self._mark = time.perf_counter()

    after_val = before_train_epoch

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Add one point to the curves, and the iteration to the speed."""
        self._iterations_here += 1
        if self._record is None:
            self._look_at_memory(self._iterations_here)
            return
        now = time.perf_counter()
        if self._iterations_here > _WARM_UP:
            self._images += batch_size(runner, data_batch) * runner.world_size
            self._image_seconds += now - self._mark
        self._mark = now
        scalars = runner.message_hub.log_scalars
        for key in ("lr", "base_lr", *(outputs or {})):
            if f"train/{key}" in scalars:
                self._add_point(f"train/{key}", runner.iter + 1, scalars[f"train/{key}"].current())
        if runner.iter < FIRST and "train/loss" in scalars:
            self._keep_loss(runner.iter + 1, float(scalars["train/loss"].current()))
        self._look_at_memory(self._iterations_here)

    def _keep_loss(self, step: int, loss: float) -> None:
        """Keep one of the first losses; a process that only verifies them ends at the last one."""
        assert self._record is not None
        losses = self._record.first_losses
        losses.append(loss)
        steps, _, path = os.environ.get(ONLY_FIRST_LOSSES, "").partition(":")
        if path and step >= int(steps):
            write_json(losses, path)
            raise SystemExit(0)

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: Any = None
    ) -> None:
        """Measure the memory of the workers of validation."""
        self._look_at_memory(batch_idx)

    after_test_iter = after_val_iter

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add a point to the curve of every scalar metric."""
        if self._record is None:
            return
        for key, value in _scalars(runner, "val", metrics).items():
            self._record.metrics[key] = value
            if self._trained:
                self._add_point(f"val/{key}", runner.iter, value)

    def add_metrics(
        self,
        metrics: dict[str, float],
        *,
        step: int,
        seconds: float,
        protocols: Mapping[str, str] | None = None,
    ) -> None:
        """Add metrics that another hook measured during training, as metrics of validation.

        Args:
            metrics: Scalars by the names of the evaluator.
            step: Number of training iterations so far.
            seconds: Time of the measurement, which is not counted as training time.
            protocols: Identifiers of dense protocols by their names.
        """
        if self._record is None:
            return
        self._record.protocols |= protocols or {}
        self._mark += seconds
        for key, value in metrics.items():
            self._record.metrics[key] = float(value)
            self._add_point(f"val/{key}", step, value)

    def add_curve(self, name: str, points: list[list[float]]) -> None:
        """Add a complete curve, ``[[step, value], ...]``, of another hook.

        Args:
            name: Name in the record.
            points: Points in the order of the steps.
        """
        if self._record is not None:
            self._curves[name] = Curve(points=[list(point) for point in points])

    def add_verdict(self, name: str, reason: str) -> None:
        """Set the verdict of another hook.

        Args:
            name: Name of the verdict; ``VERDICT_WORDS`` in the ``tables.py`` of a project has its
                word in tables.
            reason: Readings that led to the verdict.
        """
        if self._record is not None:
            self._record.verdict = {"name": name, "reason": reason}

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        """Add the metrics of the test set; they replace validation metrics of the same name."""
        if self._record is not None:
            self._record.metrics |= _scalars(runner, "test", metrics)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Store the state for a resumed run in the checkpoint."""
        if self._record is None:
            return
        checkpoint["message_hub"]["runtime_info"][_STATE] = {
            "curves": {key: asdict(curve) for key, curve in self._curves.items()},
            "images": self._images,
            "image_seconds": self._image_seconds,
            "peak_memory_mib": self._peak_memory_mib,
            "wall_time_s": self._wall_time(),
            # Only of this process: the others do not save checkpoints.
            "cost": self._with_cost_before(self._cost.read()) if self._cost else {},
            "commit": self._record.git["commit"],
            **{name: copy(getattr(self._record, name)) for name in _CONTINUED},
        }

    def after_train(self, runner: Runner) -> None:
        """Write the record."""
        self._write(runner, FILE_NAME)

    def after_test(self, runner: Runner) -> None:
        """Write the record, to a separate file if this process did not train."""
        self._write(runner, FILE_NAME if self._trained else TEST_FILE_NAME)

    def _write(self, runner: Runner, file_name: str) -> None:
        assert self._cost is not None  # since before_run
        cost = over_processes(self._cost.read())
        if self._record is None:
            return
        record = self._record
        record.curves = {key: curve.as_list() for key, curve in self._curves.items()}
        record.wall_time_s = self._wall_time()
        record.cost = self._with_cost_before(cost)
        record.peak_memory_mib = max(self._peak_memory_mib, peak_memory_mib())
        record.peak_gpu_memory_mib = peak_gpu_memory_mib()
        if self._image_seconds > 0:
            record.images_per_second = self._images / self._image_seconds
        if PART_OF_A_WHOLE not in os.environ:
            record.checks = check_scores(runner.cfg.get("expected", []), record.metrics)
            for check in record.checks:
                runner.logger.info(str(check))
        save(record, Path(runner.work_dir) / file_name)

    def _join_data(self, data: dict[str, str]) -> None:
        """Add the checksums of the data before a resume."""
        record = self._record
        assert record is not None
        for split, checksum in data.items():
            if record.data.setdefault(split, checksum) != checksum:
                record.data[f"{split}, before the resume"] = checksum
                record.notes.append(f"the data of {split} changed at the resume")

    def _note_data(self, split: str, dataset: Any) -> None:
        if self._record is None or split in self._record.data:
            return
        if (checksum := data_checksum(dataset)) is not None:
            self._record.data[split] = checksum

    def _add_point(self, name: str, step: int, value: float) -> None:
        self._curves.setdefault(name, Curve()).add(step, float(value))

    def _wall_time(self) -> float:
        return self._wall_before + time.perf_counter() - self._started

    def _with_cost_before(self, here: dict[str, float]) -> dict[str, float]:
        return {name: value + self._cost_before.get(name, 0.0) for name, value in here.items()}

    def _look_at_memory(self, iteration: int) -> None:
        # Also at the second iteration: by then every worker holds a batch.
        if iteration != 2 and iteration % _MEMORY_EVERY:
            return
        if self._cost is not None:
            self._cost.read()  # the energy counters overflow
        if self._record is not None:
            self._peak_memory_mib = max(self._peak_memory_mib, peak_memory_mib())


def _scalars(runner: Runner, mode: str, metrics: dict[str, float] | None) -> dict[str, float]:
    """Return the metrics that MMEngine's RuntimeInfoHook logged as scalars."""
    logged = runner.message_hub.log_scalars
    return {
        key: float(logged[f"{mode}/{key}"].current())
        for key in metrics or {}
        if f"{mode}/{key}" in logged
    }
