"""Hooks that evaluate the backbone during training: k-NN and linear probe."""

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.hooks import Hook, IterTimerHook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader

from mmdense.engine.exact_loader import kept_random_state
from mmdense.engine.fsdp import whole_parameters
from mmdense.evaluation.feature_bank import RAM_LIMIT_MIB
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders, image_count
from mmdense.evaluation.probes import (
    ProbeFeatures,
    extract_probe_features,
    measure_knn,
    measure_linear_probe,
)
from mmdense.machine import supports_bf16
from mmdense.records.record_hook import RecordHook
from mmdense.registry import HOOKS


class ProbeDuringTraining(Hook):
    """Evaluates the features of ``model.backbone`` during training and at its end.

    Training is not affected: weights, buffers, modes of modules and random states are restored.
    Each process evaluates a part of the images, each image once. Results go to the log, the record,
    and the message hub and visualizer as ``val/<name>/...``. If features are not finite, the result
    is NaN, an error is logged, and the run continues; use ``mmdense.NonFiniteHook`` to stop it.

    A subclass defines ``name``, ``metric_names`` and :meth:`measure`.

    Args:
        train_dataloader: Labelled train images of the probe. Default: those of the config's
            ``train_dataloader``, with the pipeline of the test images.
        test_dataloader: Labelled test images. Default: ``test_dataloader`` of the config.
        data_preprocessor: Default: ``ClsDataPreprocessor`` of MMPretrain with mean, std and channel
            order of the model.
        interval: Epochs or iterations between two measurements.
        by_epoch: Whether ``interval`` counts epochs.
        amp: Whether to compute features in bfloat16 if the hardware supports it.
        ram_limit_mib: Above this size features are in a memory-mapped file in the work directory.

    Raises:
        ValueError: An argument is out of range; or, before training, the model, the images or the
            loop cannot be used.
    """

    name: str  # of the probe, in metrics
    metric_names: Sequence[str]  # keys of the result of `measure`
    neighbours = 1  # minimum number of train images
    priority = "NORMAL"  # after the timer, before the logger, the record and the checkpoints

    def __init__(
        self,
        *,
        train_dataloader: Mapping[str, Any] | None = None,
        test_dataloader: Mapping[str, Any] | None = None,
        data_preprocessor: Mapping[str, Any] | None = None,
        interval: int = 1,
        by_epoch: bool = True,
        amp: bool = False,
        ram_limit_mib: float = RAM_LIMIT_MIB,
    ) -> None:
        self._where = type(self).__name__
        if interval < 1:
            raise ValueError(f"{self._where}.interval must be 1 or more, found {interval}")
        self.interval, self.by_epoch, self.amp = interval, by_epoch, amp
        self.ram_limit_mib = ram_limit_mib
        self._configs = train_dataloader, test_dataloader, data_preprocessor
        self._loaders: tuple[DataLoader, DataLoader]
        self._preprocess: nn.Module
        # Key in the message hub: iteration of the last measurement.
        self._measured = f"mmdense_{self.name}_measured_iter"

    @abstractmethod
    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Return the metrics, the same on every process; all processes call it."""

    def before_train(self, runner: Runner) -> None:
        """Check the config, the model and the images."""
        _find_backbone(runner, self._where)
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                f"{self._where}.by_epoch is True, but train_cfg counts iterations: "
                "set by_epoch=False and interval in iterations"
            )
        if self.amp and not supports_bf16():
            print_log(f"{self._where}.amp: no bfloat16 support: using float32.", "current")
            self.amp = False
        train, test, preprocessor = self._configs
        cfg, where, seed = runner.cfg, self._where, runner.seed or 0
        with kept_random_state():
            self._loaders = build_probe_loaders(
                cfg, train, test, where=where, seed=seed, neighbours=self.neighbours
            )
            self._preprocess = build_preprocessor(cfg, preprocessor, where=where)
        if runner.iter == 0:
            runner.message_hub.runtime_info.pop(self._measured, None)

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
        if runner.message_hub.runtime_info.get(self._measured) != runner.iter:
            self._measure_and_report(runner, step=runner.iter)

    def _measure_and_report(self, runner: Runner, step: int) -> None:
        started = time.perf_counter()
        images = [image_count(loader) for loader in self._loaders]
        with kept_random_state(), torch.no_grad(), whole_parameters(runner.model):
            features = extract_probe_features(
                _find_backbone(runner, self._where),
                self._preprocess,
                self._loaders,
                where=self._where,
                folder=runner.work_dir,
                amp=self.amp,
                ram_limit_mib=self.ram_limit_mib,
            )
            if bad := features.count_non_finite():
                metrics = dict.fromkeys(self.metric_names, math.nan)
            else:
                metrics = self.measure(features)
        if bad and runner.rank == 0:
            print_log(
                f"{self._where}, iteration {step}: features of {bad} of {sum(images)} images "
                "contain NaN or infinity; the result is NaN, training continues",
                "current",
                logging.ERROR,
            )
        seconds = time.perf_counter() - started
        runner.message_hub.update_info(self._measured, step)
        named = {f"{self.name}/{key}": value for key, value in metrics.items()}
        logged = {f"val/{name}": value for name, value in named.items()}
        runner.message_hub.update_scalars(logged)
        runner.visualizer.add_scalars(logged, step=step)
        for hook in runner.hooks:
            if isinstance(hook, RecordHook):
                hook.add_metrics(named, step=step, seconds=seconds)
        values = ", ".join(f"{name} {value:.4g}" for name, value in named.items())
        rows = "{:,} train and {:,} test images".format(*images)
        runner.logger.info(f"iteration {step}: {values} ({rows}, {seconds:.1f} s)")


@HOOKS.register_module()
class KNNHook(ProbeDuringTraining):
    """Logs the weighted k-NN accuracy in percent, exact, as ``knn/k20_top1`` and so on.

    The default k and temperature are those of Wu et al. 2018 and DINO, see
    :mod:`mmdense.evaluation.knn`.

    Args:
        k: Numbers of neighbours; each is reported.
        temperature: T; a smaller value gives more weight to the nearest neighbours.
        **kwargs: The arguments of :class:`ProbeDuringTraining`.

    Raises:
        ValueError: As in the base class; or k or the temperature is out of range.
    """

    name = "knn"

    def __init__(
        self, *, k: Sequence[int] = (20, 200), temperature: float = 0.07, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if not k or min(k) < 1:
            raise ValueError(f"KNNHook.k must be a list of numbers of at least 1, found {k}")
        if temperature <= 0:
            raise ValueError(f"KNNHook.temperature must be positive, found {temperature}")
        self.k, self.temperature, self.neighbours = tuple(k), temperature, max(k)
        self.metric_names = [f"k{one}_top1" for one in k]

    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Classify the queries of this process with the whole bank."""
        return measure_knn(features, ks=self.k, temperature=self.temperature)


@HOOKS.register_module()
class LinearProbeHook(ProbeDuringTraining):
    """Fits a logistic regression on the current features at each measurement.

    It logs ``linear_probe/top1`` and ``top5`` in percent, and the selected ``strength`` of the
    penalty. :mod:`mmdense.evaluation.linear_probe` describes the protocol. The fit needs about four
    times the memory of the features. Rank 0 computes it on the device of the model.

    The arguments are those of :class:`ProbeDuringTraining`.
    """

    name = "linear_probe"
    metric_names = ("top1", "top5", "strength")

    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Score the queries of this process with the probe."""
        return measure_linear_probe(features)


def _find_backbone(runner: Runner, where: str) -> nn.Module:
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
            "without FSDP, or evaluate checkpoints with tools/knn.py or tools/linear_probe.py"
        )
    return backbone
