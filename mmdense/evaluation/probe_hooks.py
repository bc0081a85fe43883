"""Hooks that evaluate the backbone during training: k-NN and linear probe."""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import nn
from torch.utils.data import DataLoader

from mmdense.evaluation.during_training import Measured, MeasuresDuringTraining
from mmdense.evaluation.feature_bank import RAM_LIMIT_MIB
from mmdense.evaluation.probe_loaders import build_preprocessor, build_probe_loaders, image_count
from mmdense.evaluation.probes import (
    ProbeFeatures,
    extract_probe_features,
    measure_knn,
    measure_linear_probe,
)
from mmdense.machine import supports_bf16
from mmdense.registry import HOOKS


class ProbeDuringTraining(MeasuresDuringTraining):
    """Evaluates the features of ``model.backbone`` during training and at its end.

    Each process evaluates a part of the images, each image once. If features are not finite, the
    result is NaN, an error is logged, and the run continues; use ``mmdense.NonFiniteHook`` to stop
    it. The base class describes where results go.

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

    metric_names: Sequence[str]  # keys of the result of `measure`
    neighbours = 1  # minimum number of train images

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
        super().__init__(interval=interval, by_epoch=by_epoch)
        self.amp = amp
        self.ram_limit_mib = ram_limit_mib
        self._configs = train_dataloader, test_dataloader, data_preprocessor
        self._loaders: tuple[DataLoader, DataLoader]
        self._preprocess: nn.Module

    @abstractmethod
    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Return the metrics, the same on every process; all processes call it."""

    def prepare(self, runner: Runner) -> None:
        """Build the loaders."""
        if self.amp and not supports_bf16():
            print_log(f"{self._where}.amp: no bfloat16 support: using float32.", "current")
            self.amp = False
        train, test, preprocessor = self._configs
        cfg, where, seed = runner.cfg, self._where, runner.seed or 0
        self._loaders = build_probe_loaders(
            cfg, train, test, where=where, seed=seed, neighbours=self.neighbours
        )
        self._preprocess = build_preprocessor(cfg, preprocessor, where=where)

    def measured(self, backbone: nn.Module, runner: Runner) -> Measured:
        """Extract features and measure them; NaN if features are not finite."""
        images = [image_count(loader) for loader in self._loaders]
        features = extract_probe_features(
            backbone,
            self._preprocess,
            self._loaders,
            where=self._where,
            folder=runner.work_dir,
            amp=self.amp,
            ram_limit_mib=self.ram_limit_mib,
        )
        rows = "{:,} train and {:,} test images".format(*images)
        if bad := features.count_non_finite():
            fault = (
                f"features of {bad} of {sum(images)} images contain NaN or infinity; the result is "
                "NaN"
            )
            return Measured(dict.fromkeys(self.metric_names, math.nan), rows, [fault])
        return Measured(self.measure(features), rows)


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
