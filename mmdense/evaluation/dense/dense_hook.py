"""The hook that evaluates patch features during training."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.runner import Runner
from torch import nn

from mmdense.evaluation.dense.data_folders import open_data
from mmdense.evaluation.dense.images import DenseData
from mmdense.evaluation.dense.patches import FrozenBackbone
from mmdense.evaluation.dense.protocol import DenseTask, Protocol, score, what_is_missing
from mmdense.evaluation.dense.protocols import with_settings
from mmdense.evaluation.during_training import Measured, MeasuresDuringTraining
from mmdense.evaluation.probe_loaders import build_preprocessor
from mmdense.registry import HOOKS

__all__ = ["DenseEvalHook"]


@HOOKS.register_module()
class DenseEvalHook(MeasuresDuringTraining):
    """Logs scores of dense protocols, as ``dense/context_knn/mIoU`` and so on.

    The first process measures; the others wait. A protocol that fails, for example because features
    are not finite, has no score; an error is logged. The identifiers are in the log and the record.

    Args:
        data: As ``--data`` of ``mmdense dense_eval``.
        protocols: Names of protocols.
        settings: Other settings, such as ``{"context_knn.memory": 2048}``.
        size: Side of the images in pixels.
        batch_size: Images that the backbone gets at once.
        data_root: Folder of prepared data sets.
        data_preprocessor: Default: mean, std and channel order of the model.
        **kwargs: The arguments of :class:`~mmdense.evaluation.during_training.\
MeasuresDuringTraining`.

    Raises:
        UsageError: A protocol or setting does not exist, or the data set is missing.
        ValueError: As in the base class; or the data set lacks what a protocol needs.
    """

    name = "dense"

    def __init__(
        self,
        *,
        data: str,
        protocols: Sequence[str] = ("context_knn",),
        settings: Mapping[str, Any] | None = None,
        size: int = 448,
        batch_size: int = 8,
        data_root: str = "data",
        data_preprocessor: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self._protocols: dict[str, Protocol] = with_settings(protocols, settings or {})
        self._place = data, data_root
        self._sizes = {"size": size, "batch_size": batch_size}
        self._given_preprocessor = data_preprocessor
        self._data: DenseData
        self._preprocess: nn.Module

    def prepare(self, runner: Runner) -> None:
        """Open the data set."""
        self._data = open_data(*self._place)
        for name, protocol in self._protocols.items():
            if missing := what_is_missing(protocol, self._data):
                raise ValueError(f"{self._where}: {name} cannot run, {missing}")
        self._preprocess = build_preprocessor(
            runner.cfg, self._given_preprocessor, where=self._where
        )

    def measured(self, backbone: nn.Module, runner: Runner) -> Measured:
        """Run the protocols in the first process."""
        found = [self._scores(backbone, runner) if is_main_process() else None]
        broadcast_object_list(found)
        assert found[0] is not None
        return found[0]

    def _scores(self, backbone: nn.Module, runner: Runner) -> Measured:
        device = next(backbone.parameters()).device
        frozen = FrozenBackbone(backbone, self._preprocess.to(device))
        seed = runner.cfg.get("randomness", {}).get("seed") or 0
        task = DenseTask(frozen, self._data, folder=runner.work_dir, seed=seed, **self._sizes)
        metrics: dict[str, float] = {}
        identifiers: dict[str, str] = {}
        faults = []
        for name, protocol in self._protocols.items():
            try:
                one = score(name, protocol, task)
            except ValueError as error:
                faults.append(f"{name}: {error}")
                continue
            identifiers[name] = one.identifier
            metrics |= {f"{name}/{key}": value for key, value in one.metrics.items()}
        shown = "; ".join([self._data.name, *identifiers.values()])
        return Measured(metrics, shown, faults, identifiers)
