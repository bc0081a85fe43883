"""Accuracy of a linear classifier on the features of the backbone during training."""

import torch
from mmengine.dist import broadcast_object_list, is_main_process

from mmdense.evaluation.linear_probe import LinearProbe, fit_linear_probe
from mmdense.evaluation.probe_during_training import (
    ProbeDuringTraining,
    ProbeFeatures,
    top_k_accuracy_of_all,
)
from mmdense.registry import HOOKS

__all__ = ["LinearProbeHook"]


@HOOKS.register_module()
class LinearProbeHook(ProbeDuringTraining):
    """Fits a logistic regression on the current features at each measurement.

    It logs ``linear_probe/top1`` and ``top5`` in percent, and the selected ``strength`` of the
    penalty. :mod:`mmdense.evaluation.linear_probe` describes the protocol. The fit needs about four
    times the memory of the features. Rank 0 computes it on the device of the model.

    The arguments are those of
    :class:`~mmdense.evaluation.probe_during_training.ProbeDuringTraining`.
    """

    name = "linear_probe"

    def metric_names(self) -> list[str]:
        """Return the names of the accuracies and the strength."""
        return ["top1", "top5", "strength"]

    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Score the queries of this process with the probe."""
        probe = self._fit(features)
        scores = probe.scores(features.queries)  # [R, C]
        return {
            "top1": top_k_accuracy_of_all(scores, features.query_labels, k=1),
            "top5": top_k_accuracy_of_all(scores, features.query_labels, k=5),
            "strength": probe.strength,
        }

    def _fit(self, features: ProbeFeatures) -> LinearProbe:
        device = features.queries.device
        fitted: list[LinearProbe | ValueError | None] = [None]
        if is_main_process():
            try:
                probe = fit_linear_probe(
                    features.bank.to(device),
                    features.bank_labels.to(device),
                    num_classes=features.num_classes,
                )
                fitted = [_moved(probe, torch.device("cpu"))]
            except ValueError as error:  # the other processes must raise, too
                fitted = [error]
        broadcast_object_list(fitted)
        result = fitted[0]
        if not isinstance(result, LinearProbe):
            raise ValueError(f"LinearProbeHook: {result}")
        return _moved(result, device)


def _moved(probe: LinearProbe, device: torch.device) -> LinearProbe:
    return probe._replace(
        weight=probe.weight.to(device),
        bias=probe.bias.to(device),
        mean=probe.mean.to(device),
        deviation=probe.deviation.to(device),
    )
