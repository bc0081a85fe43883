"""Hooks that measure the backbone during training: when they run, and what they report."""

import logging
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
from mmengine.hooks import Hook, IterTimerHook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn

from mmdense.engine.exact_loader import kept_random_state
from mmdense.engine.fsdp import whole_parameters
from mmdense.records.record_hook import RecordHook

__all__ = ["Measured", "MeasuresDuringTraining", "find_backbone"]


class Measured(NamedTuple):
    """The result of one measurement.

    Attributes:
        metrics: Values, the same on every process.
        images: What was measured, for the log.
        faults: Why values are missing or NaN; the run continues.
        protocols: Identifiers of dense protocols by their names.
    """

    metrics: Mapping[str, float]
    images: str
    faults: Sequence[str] = ()
    protocols: Mapping[str, str] = MappingProxyType({})


class MeasuresDuringTraining(Hook):
    """Measures ``model.backbone`` during training and at its end.

    Training is not affected: weights, buffers, modes of modules and random states are restored.
    Results go to the log, the record, and the message hub and visualizer as ``val/<name>/...``.

    A subclass defines ``name``, :meth:`prepare` and :meth:`measured`.

    Args:
        interval: Epochs or iterations between two measurements.
        by_epoch: Whether ``interval`` counts epochs.

    Raises:
        ValueError: An argument is out of range; or, before training, the model or the loop cannot
            be used.
    """

    name: str  # the first part of the names of metrics
    priority = "NORMAL"  # after the timer, before the logger, the record and the checkpoints

    def __init__(self, *, interval: int = 1, by_epoch: bool = True) -> None:
        self._where = type(self).__name__
        if interval < 1:
            raise ValueError(f"{self._where}.interval must be 1 or more, found {interval}")
        self.interval, self.by_epoch = interval, by_epoch
        # Key in the message hub: iteration of the last measurement.
        self._key = f"mmdense_{self.name}_measured_iter"

    @abstractmethod
    def prepare(self, runner: Runner) -> None:
        """Check the config and the images, before training."""

    @abstractmethod
    def measured(self, backbone: nn.Module, runner: Runner) -> Measured:
        """Measure; all processes call it."""

    def before_train(self, runner: Runner) -> None:
        """Check the config, the model and the images."""
        find_backbone(runner, self._where)
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                f"{self._where}.by_epoch is True, but train_cfg counts iterations: "
                "set by_epoch=False and interval in iterations"
            )
        with kept_random_state():
            self.prepare(runner)
        if runner.iter == 0:
            runner.message_hub.runtime_info.pop(self._key, None)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Measure if ``interval`` counts iterations."""
        if self.by_epoch or not self.every_n_train_iters(runner, self.interval):
            return
        self._measure_and_report(runner, step=runner.iter + 1)
        for hook in runner.hooks:
            if isinstance(hook, IterTimerHook):
                hook.before_train_epoch(runner)  # restarts its timer

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure if ``interval`` counts epochs."""
        if self.by_epoch and self.every_n_epochs(runner, self.interval):
            self._measure_and_report(runner, step=runner.iter)

    def after_train(self, runner: Runner) -> None:
        """Measure at the end of training."""
        if runner.message_hub.runtime_info.get(self._key) != runner.iter:
            self._measure_and_report(runner, step=runner.iter)

    def _measure_and_report(self, runner: Runner, step: int) -> None:
        started = time.perf_counter()
        with kept_random_state(), torch.no_grad(), whole_parameters(runner.model):
            found = self.measured(find_backbone(runner, self._where), runner)
        if runner.rank == 0:
            for fault in found.faults:
                words = f"{self._where}, iteration {step}: {fault}; training continues"
                print_log(words, "current", logging.ERROR)
        seconds = time.perf_counter() - started
        runner.message_hub.update_info(self._key, step)
        named = {f"{self.name}/{key}": value for key, value in found.metrics.items()}
        logged = {f"val/{name}": value for name, value in named.items()}
        runner.message_hub.update_scalars(logged)
        runner.visualizer.add_scalars(logged, step=step)
        for hook in runner.hooks:
            if isinstance(hook, RecordHook):
                hook.add_metrics(named, step=step, seconds=seconds, protocols=found.protocols)
        values = ", ".join(f"{name} {value:.4g}" for name, value in named.items())
        runner.logger.info(f"iteration {step}: {values} ({found.images}, {seconds:.1f} s)")


def find_backbone(runner: Runner, where: str) -> nn.Module:
    """Return the backbone of the model of a run.

    Raises:
        ValueError: The model has none, or its weights are sharded; the message starts with
            ``where``.
    """
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, nn.Module):
        children = ", ".join(name for name, _ in model.named_children()) or "none"
        raise ValueError(
            f"{where}: {type(model).__name__} has no module `backbone`; its children are {children}"
        )
    if any(hasattr(parameter, "to_local") for parameter in backbone.parameters()):
        raise ValueError(
            f"{where}: the weights are sharded (FSDP), which this hook does not support. Train "
            "without FSDP, or evaluate checkpoints with mmdense knn, linear_probe or dense_eval"
        )
    return backbone
