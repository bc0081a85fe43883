"""k-NN accuracy of the backbone during training."""

from collections.abc import Sequence
from typing import Any

from mmdense.evaluation.knn import knn_classify_each
from mmdense.evaluation.probe_during_training import (
    ProbeDuringTraining,
    ProbeFeatures,
    top_k_accuracy_of_all,
)
from mmdense.registry import HOOKS

__all__ = ["KNNHook"]


@HOOKS.register_module()
class KNNHook(ProbeDuringTraining):
    """Logs the weighted k-NN accuracy in percent, exact, as ``knn/k20_top1`` and so on.

    The default k and temperature are those of Wu et al. 2018 and DINO, see
    :mod:`mmdense.evaluation.knn`.

    Args:
        k: Numbers of neighbours; each is reported.
        temperature: T; a smaller value gives more weight to the nearest neighbours.
        **kwargs: The arguments of
            :class:`~mmdense.evaluation.probe_during_training.ProbeDuringTraining`.

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
        self.k, self.temperature = tuple(k), temperature

    def check_bank(self, rows: int) -> None:
        """Raise if there are more neighbours than images."""
        if max(self.k) > rows:
            raise ValueError(
                f"KNNHook.k={max(self.k)} is more than the {rows} images of "
                "KNNHook.train_dataloader; lower k or use more images"
            )

    def metric_names(self) -> list[str]:
        """Return one name for each k."""
        return [f"k{k}_top1" for k in self.k]

    def measure(self, features: ProbeFeatures) -> dict[str, float]:
        """Classify the queries of this process with the whole bank."""
        scores = knn_classify_each(
            features.bank,
            features.bank_labels,
            features.queries,
            ks=self.k,
            num_classes=features.num_classes,
            temperature=self.temperature,
        )
        return {
            f"k{k}_top1": top_k_accuracy_of_all(of_k, features.query_labels, k=1)
            for k, of_k in scores.items()
        }
