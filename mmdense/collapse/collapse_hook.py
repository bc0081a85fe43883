"""Hook that detects during training whether a self-supervised run collapses, and why."""

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor

from mmdense.collapse import readings, verdict
from mmdense.collapse.fixed_images import clean_features, view_features
from mmdense.collapse.history import History
from mmdense.collapse.monitor import STEP, Monitor
from mmdense.data.batch_size import batch_size
from mmdense.engine.fsdp import whole_parameters
from mmdense.records.record_hook import RecordHook
from mmdense.registry import HOOKS

# Keys in the message hub, which is part of a checkpoint.
_STATE = "collapse_history"
VERDICT = "collapse_verdict"  # name of the last judgement
_FLUSH = 10  # steps between two synchronisations with the device
# Readings whose last values and curves are in the record of a run, besides those of the model.
_RECORDED = (
    *("m_o", "m_r", "std", "m_o_before_norm", "p_m_o", "p_m_r", "p_std"),
    *("covariance", "rank", "alignment", "uniformity"),
    *("eta_p", "eta_z", "o_e", "r_e", "r_e_decorrelates"),
)
_ACTIONS = ("warn", "snapshot", "stop")


class CollapseError(RuntimeError):
    """Training was stopped because the representation collapsed."""


@HOOKS.register_module()
class CollapseHook(Hook):
    """Watches the projector and the predictor of any self-supervised model.

    - Every step: centre and standard deviation of projections and predictions
      (:func:`step_readings`).
    - Every ``interval`` steps: correlation, ranks, the extra gradient (:func:`batch_readings`,
      :func:`gradient_readings`), what a model with prototypes returns with its losses
      (``readings`` of :class:`mmdense.ssl.dino.DINO`), and a verdict.
    - Every ``epochs`` epochs: spectra of fixed images in backbone and projector
      (:func:`space_readings`), without augmentation (:func:`clean_features`) except for LiDAR.

    Readings are computed over all processes. They go to the log and the visualizer as
    ``collapse/...``, and with the verdict to ``<work_dir>/collapse.json``, which
    ``tools/collapse_report.py`` reads. A resumed run continues its curves. The hook does not change
    the training: the weights are the same with and without it.

    Args:
        interval: K, steps between two judgements.
        epochs: Epochs between two evaluations of the fixed images; 0 for none. Iteration-based
            training evaluates them once, at the end.
        images: Maximum number of fixed images.
        patience: Number of equal judgements in a row before a collapse counts. At the end of
            training the last judgement is the verdict.
        on_collapse: Actions at the first collapse of each kind: "warn", "snapshot" (save a
            checkpoint), "stop". To rescue a run, use ``mmdense.PhaseHook``.
        limits: Values of :class:`~mmdense.collapse.verdict.Limits`.
        backbone: Name of the module that returns features.
        projector: Name of the module that returns projections. Default: "neck", or the backbone
            for models that reconstruct images.
        predictor: Name of the module that returns predictions. Default: "head.predictor" if there
            is one, or the predictor of the current head of a ``mmdense.PhasedHead``.
        views: Order of the views in the output of the projector: "calls", "interleaved" or
            "concatenated". The default depends on the model.

    Raises:
        ValueError: An argument is out of range; before the first step, if a module does not exist;
            at the first step, if the projector was not called or the views have different shapes.
        CollapseError: A collapse, if ``on_collapse`` has "stop".
    """

    priority = "NORMAL"  # before the logger and the record

    def __init__(
        self,
        *,
        interval: int = 50,
        epochs: int = 1,
        images: int = 512,
        patience: int = 3,
        on_collapse: Sequence[str] = ("warn",),
        limits: Mapping[str, float] | None = None,
        backbone: str = "backbone",
        projector: str | None = None,
        predictor: str | None = None,
        views: str | None = None,
    ) -> None:
        for name, value, least in (
            ("interval", interval, 1),
            ("epochs", epochs, 0),
            ("images", images, 2),
            ("patience", patience, 1),
        ):
            if value < least:
                raise ValueError(f"CollapseHook.{name} must be {least} or more, found {value}")
        if views not in (None, "calls", "interleaved", "concatenated"):
            raise ValueError(
                "CollapseHook.views must be 'calls', 'interleaved' or 'concatenated', "
                f"found {views!r}"
            )
        self.interval, self.epochs, self.images, self.patience = interval, epochs, images, patience
        self.on_collapse, self.limits = _actions(on_collapse), verdict.limits_of(limits or {})
        self.names: dict[str, Any] = {
            "backbone": backbone,
            "projector": projector,
            "predictor": predictor,
        }
        self.views = views
        self._history = History()

    def before_train(self, runner: Runner) -> None:
        """Find the modules; start the curves, or continue those of the checkpoint."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        self._monitor = Monitor(model, layout=self.views, **self.names)
        state = runner.message_hub.runtime_info.get(_STATE) if runner.iter else None
        self._history = History(state)
        self._of_loss: Sequence[str] = getattr(model, "readings", ())
        self._history.begin(model, self.limits)
        self._pending: list[tuple[int, Tensor]] = []

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Begin a step."""
        self._monitor.begin(with_gradients=self._due(runner))

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Read the step."""
        values = self._monitor.read_step(batch_size(runner, data_batch))
        self._pending.append((runner.iter + 1, values))
        if self._due(runner) or len(self._pending) == _FLUSH:
            self._flush(runner)
        if self._due(runner):
            self._read_loss(runner, outputs or {})
            self._read_batch(runner)
            self._judge(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Evaluate the fixed images."""
        if self.epochs and self.every_n_epochs(runner, self.epochs):
            self._read_spaces(runner, runner.iter)

    def after_train(self, runner: Runner) -> None:
        """Give the final verdict."""
        self._flush(runner)
        if isinstance(runner.train_loop, IterBasedTrainLoop) and self.epochs:
            self._read_spaces(runner, runner.iter)
        if self._history.last("m_o") is not None:
            self._judge(runner, at_end=True)
            self._show(runner, self._latest(), runner.iter)
        self._monitor.close()

    def on_non_finite(self, runner: Runner, reason: str) -> None:
        """Set the verdict of a run that ``mmdense.NonFiniteHook`` is about to stop."""
        self._flush(runner)
        self._history.verdict = verdict.Verdict(verdict.DIVERGED, reason)
        runner.message_hub.update_info(VERDICT, verdict.DIVERGED)
        self._write(runner)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the curves to the checkpoint; write ``collapse.json``."""
        self._flush(runner)
        checkpoint["message_hub"]["runtime_info"][_STATE] = self._history.state()
        self._write(runner)

    def _due(self, runner: Runner) -> bool:
        return (runner.iter + 1) % self.interval == 0

    def _flush(self, runner: Runner) -> None:
        """Copy the readings of the last steps to the CPU and to the log."""
        if not self._pending:
            return
        table = torch.stack([values for _, values in self._pending]).tolist()
        for (step, _), row in zip(self._pending, table, strict=True):
            named = zip(STEP, row, strict=True)
            given = {
                name: value
                for name, value in named
                if name in readings.STEP or not math.isnan(value)
            }
            self._history.add(step, given, of=STEP)
        self._pending.clear()
        self._log(runner, given)

    def _latest(self) -> dict[str, float]:
        """The last values of the readings that a record keeps."""
        found = {name: self._history.last(name) for name in (*_RECORDED, *self._of_loss)}
        return {name: value for name, value in found.items() if value is not None}

    def _log(self, runner: Runner, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            runner.message_hub.update_scalar(f"train/collapse/{name}", value)

    def _read_loss(self, runner: Runner, outputs: Mapping[str, Any]) -> None:
        """Take the readings that the model returned with its losses; the log has them already."""
        found = {name: float(outputs[name]) for name in self._of_loss if name in outputs}
        self._history.add(runner.iter + 1, found, of=self._of_loss)

    def _read_batch(self, runner: Runner) -> None:
        monitor = self._monitor
        found, size, channels = monitor.read_batch()
        self._history.note_batch(
            size, monitor.vectors, channels, centre_hidden=monitor.centre_hidden
        )
        rate = monitor.predictor_rate(runner.optim_wrapper.param_groups)
        found |= {} if rate is None else {"predictor_lr": rate}
        self._history.add(runner.iter + 1, found, of=readings.BATCH)
        self._log(runner, found)

    def _read_spaces(self, runner: Runner, step: int) -> None:
        """Evaluate the fixed images and log here: nothing logs after the last epoch."""
        model: Any = runner.model.module if is_model_wrapper(runner.model) else runner.model
        loader: Any = runner.train_dataloader
        given = (model, loader.dataset, loader.collate_fn, self._monitor.parts, self.images)
        with whole_parameters(model):
            views = view_features(*given)
            clean = clean_features(*given)
        if not clean and "fixed_images" not in self._history.facts:
            runner.logger.info(
                f"CollapseHook: {type(loader.dataset).__name__} cannot return images without "
                "augmentation; the spectra are computed on augmented first views"
            )
        self._show(runner, self._history.add_spaces(step, views, clean), step)

    def _show(self, runner: Runner, values: Mapping[str, float], step: int) -> None:
        named = {f"collapse/{name}": value for name, value in values.items()}
        runner.visualizer.add_scalars(named, step=step)

    def _judge(self, runner: Runner, *, at_end: bool = False) -> None:
        history, facts = self._history, self._history.facts
        if "vectors" not in facts:  # shorter than one interval
            self._read_batch(runner)
        found = history.judge(self.limits)
        history.judgements = [*history.judgements, found.name][-self.patience :]
        last = history.judgements
        settled = at_end or (len(last) == self.patience and len(set(last)) == 1)
        if not settled and found.name in (*verdict.COLLAPSES, verdict.HIDDEN):
            found = verdict.Verdict(
                verdict.EARLY,
                f"{found.name} at step {runner.iter + 1}, not long enough: {found.reason}",
            )
        history.verdict = found
        runner.message_hub.update_info(VERDICT, found.name)
        if at_end:
            self._write(runner)
            self._add_to_record(runner, found)
            runner.logger.info(f"CollapseHook: {found.name}. {found.reason}")
        elif found.name not in (verdict.HEALTHY, verdict.EARLY) and found.name not in history.seen:
            history.seen.add(found.name)
            self._act(runner, found)

    def _act(self, runner: Runner, found: verdict.Verdict) -> None:
        step = runner.iter + 1
        if "warn" in self.on_collapse and runner.rank == 0:
            text = f"CollapseHook, step {step}: {found.name}. {found.reason}"
            print_log(text, "current", logging.WARNING)
        if "snapshot" in self.on_collapse:
            runner.save_checkpoint(
                runner.work_dir, f"collapse_iter_{step}.pth", save_param_scheduler=False
            )
        self._write(runner)
        if "stop" in self.on_collapse and found.name != verdict.HIDDEN:
            raise CollapseError(
                f"stopped at step {step}: {found.name}. {found.reason}. For remedies, run "
                f"mmdense collapse_report {runner.work_dir}"
            )

    def _add_to_record(self, runner: Runner, found: verdict.Verdict) -> None:
        collapsed = float(found.name in (*verdict.COLLAPSES, verdict.DIVERGED))
        metrics = {"collapse/collapsed": collapsed}
        metrics |= {f"collapse/{name}": value for name, value in self._latest().items()}
        for hook in runner.hooks:
            if isinstance(hook, RecordHook):
                hook.add_metrics(metrics, step=runner.iter, seconds=0.0)
                hook.add_verdict(found.name, found.reason)
                for name in (*_RECORDED, *self._of_loss):
                    if points := self._history.points(name):
                        hook.add_curve(f"collapse/{name}", points)

    def _write(self, runner: Runner) -> None:
        if runner.rank == 0:
            self._history.write(Path(runner.work_dir))


def _actions(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise ValueError(f"CollapseHook.on_collapse must be a list: [{given!r}]")
    if unknown := sorted(set(given) - set(_ACTIONS)):
        raise ValueError(f"CollapseHook.on_collapse: unknown {unknown}, expected {_ACTIONS}")
    return tuple(given)
