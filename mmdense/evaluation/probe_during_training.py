"""Base class of probes during training: schedule, features and logging.

Letters: N bank, Q queries of all processes, R queries of this process, D channels, C classes.
"""

import logging
import math
import time
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook, IterTimerHook
from mmengine.logging import print_log
from mmengine.model import is_model_wrapper
from mmengine.runner import IterBasedTrainLoop, Runner
from torch import Tensor, nn
from torch.utils.data import DataLoader

from mmdense.engine.exact_loader import kept_random_state
from mmdense.evaluation.accuracy import top_k_hits
from mmdense.evaluation.feature_bank import RAM_LIMIT_MIB, fill_bank
from mmdense.evaluation.features import frozen_features
from mmdense.evaluation.gather_features import gather_batches
from mmdense.evaluation.knn import non_finite_rows
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders
from mmdense.machine import supports_bf16
from mmdense.records.record_hook import RecordHook

__all__ = ["ProbeDuringTraining", "ProbeFeatures", "top_k_accuracy_of_all"]


class ProbeFeatures(NamedTuple):
    """Features of all train images, and of the test images of this process.

    Attributes:
        bank: Features of the train images, on the CPU. [N, D]
        bank_labels: On the CPU. [N]
        queries: Features of test images, on the device of the model. [R, D]
        query_labels: On the device of the model. [R]
        num_classes: C, over all processes.
    """

    bank: Tensor
    bank_labels: Tensor
    queries: Tensor
    query_labels: Tensor
    num_classes: int


class ProbeDuringTraining(Hook):
    """Evaluates the features of ``model.backbone`` during training and at its end.

    Training is not affected: weights, buffers, modes of modules and random states are restored.
    Each process evaluates a part of the images, each image once. Results go to the log, the record,
    and the message hub and visualizer as ``val/<name>/...``. If features are not finite, the result
    is NaN, an error is logged, and the run continues; use ``mmdense.NonFiniteHook`` to stop it.

    A subclass defines ``name``, :meth:`metric_names` and :meth:`measure`.

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
    def metric_names(self) -> list[str]:
        """Return the keys of the result of :meth:`measure`."""

    @abstractmethod
    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Return the metrics, the same on every process; all processes call it."""

    def check_bank(self, rows: int) -> None:
        """Raise before training if the number of train images cannot be used."""

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
        seed = runner.seed or 0
        with kept_random_state():
            self._loaders = build_probe_loaders(
                runner.cfg, train, test, where=self._where, seed=seed
            )
            self._preprocess = build_preprocessor(runner.cfg, preprocessor, where=self._where)
        self.check_bank(_rows(self._loaders[0]))
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
        with kept_random_state(), torch.no_grad():
            features = self._extract(runner)
            metrics = self._measure_if_finite(runner, features, step)
        seconds = time.perf_counter() - started
        runner.message_hub.update_info(self._measured, step)
        logged = {f"val/{self.name}/{key}": value for key, value in metrics.items()}
        runner.message_hub.update_scalars(logged)
        runner.visualizer.add_scalars(logged, step=step)
        for hook in runner.hooks:
            if isinstance(hook, RecordHook):
                named = {f"{self.name}/{key}": value for key, value in metrics.items()}
                hook.add_metrics(named, step=step, seconds=seconds)
        values = ", ".join(f"{self.name}/{key} {value:.4g}" for key, value in metrics.items())
        rows = f"{len(features.bank):,} train and {_rows(self._loaders[1]):,} test images"
        runner.logger.info(f"iteration {step}: {values} ({rows}, {seconds:.1f} s)")

    def _extract(self, runner: Runner) -> ProbeFeatures:
        backbone = _find_backbone(runner, self._where)
        device = next(backbone.parameters()).device
        self._preprocess.to(device)
        train, test = (
            frozen_features(backbone, loader, self._preprocess, amp=self.amp)
            for loader in self._loaders
        )
        rows, batch_size = _rows(self._loaders[0]), self._loaders[0].batch_size or 1
        with (
            closing(train),
            closing(test),
        ):  # restores modes, also after an error
            gathered = gather_batches(train, rows=rows, batch_size=batch_size)
            bank, bank_labels = fill_bank(
                gathered, rows=rows, ram_limit_mib=self.ram_limit_mib, folder=runner.work_dir
            )
            of_test = list(test)
        labels = torch.cat([labels for _, labels in of_test]).to(device)  # [R]
        highest, lowest = labels.max(), -labels.min()
        for limit in (highest, lowest):
            all_reduce(limit, "max")
        if min(int(bank_labels.min()), -int(lowest)) < 0:
            raise ValueError(f"{self._where}: some images have no label (a negative class)")
        num_classes = max(int(bank_labels.max()), int(highest)) + 1
        queries = torch.cat([features for features, _ in of_test])  # [R, D]
        return ProbeFeatures(bank, bank_labels, queries, labels, num_classes)

    def _measure_if_finite(
        self, runner: Runner, features: ProbeFeatures, step: int
    ) -> dict[str, float]:
        bad = torch.tensor(len(non_finite_rows(features.queries)), device=features.queries.device)
        all_reduce(bad)
        count = int(bad) + len(non_finite_rows(features.bank))
        if count == 0:
            return self.measure(features)
        if runner.rank == 0:
            images = len(features.bank) + _rows(self._loaders[1])
            print_log(
                f"{self._where}, iteration {step}: features of {count} of {images} images contain "
                "NaN or infinity; the result is NaN, training continues",
                "current",
                logging.ERROR,
            )
        return dict.fromkeys(self.metric_names(), math.nan)


def top_k_accuracy_of_all(scores: Tensor, labels: Tensor, *, k: int) -> float:
    """Return the top-k accuracy over the queries of all processes, in percent.

    Args:
        scores: Of the queries of this process; R can be 0. [R, C]
        labels: Their classes. [R]
        k: Number of best classes.
    """
    counts = torch.tensor([top_k_hits(scores, labels, k=k), len(labels)], device=scores.device)
    all_reduce(counts)
    hits, queries = counts.tolist()
    return 100.0 * hits / queries


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


def _rows(loader: DataLoader) -> int:
    dataset: Any = loader.dataset
    return len(dataset)
