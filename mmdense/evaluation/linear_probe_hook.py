"""Accuracy of a linear classifier on the backbone's features while it trains."""

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
    """Logistic regression on the features of the moment, fitted anew each time.

    Reported are ``linear_probe/top1`` and ``top5`` in percent, and the ``strength`` of the penalty
    that was chosen. The protocol is that of :mod:`mmdense.evaluation.linear_probe`. The fit holds
    the features in memory about four times; rank 0 makes it, on the device of the model, while the
    others wait.

    The arguments are those of
    :class:`~mmdense.evaluation.probe_during_training.ProbeDuringTraining`.
    """

    name = "linear_probe"

    def metric_names(self) -> list[str]:
        """Accuracies and the strength of the penalty."""
        return ["top1", "top5", "strength"]

    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Each process scores its own queries with the one probe."""
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
            except ValueError as error:  # the others must hear of it, they would wait for ever
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
