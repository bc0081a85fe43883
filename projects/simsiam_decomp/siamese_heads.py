"""SimSiam and related methods with different positions of the predictor and the stop-gradient.

h is the predictor, D the negative cosine, sg the stop-gradient; each loss is symmetrised:

    naive Siamese          D(z_a, sg z_b)              collapses
    symmetric predictor    D(p_a, sg p_b)              collapses
    SimSiam                D(p_a, sg z_b)              does not collapse
    mirror SimSiam         D(z_a, h(sg z_b))           collapses
    inverse predictor      D(p_a, sg h'(p_b))          does not collapse; h' is a learned inverse of
    h

Zhang et al. 2022, figures 1 and 2, algorithm 5, and table 2 for the outcomes.

Letters: B images, D channels; a and b the two views; z projections, p = h(z) predictions.
"""

from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS
from mmdense.ssl.gather import mean_over_ranks
from mmdense.ssl.siamese import two_views
from projects.simsiam_decomp.losses import cosine_distances


def distance(predictions: Tensor, targets: Tensor) -> Tensor:
    """Return the mean negative cosine over all processes, without gradients to ``targets``, []."""
    return mean_over_ranks(cosine_distances(predictions, targets.detach()))


@MODELS.register_module()
class NaiveSiameseHead(BaseModule):
    """Two equal branches without a predictor; collapses."""

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = two_views(views, self)
        return {"loss": 0.5 * (distance(z_a, z_b) + distance(z_b, z_a))}


class _PredictorHead(BaseModule):
    """A head with a predictor h, a neck of MMPretrain: ``(z,)`` to ``(p,)``.

    Args:
        predictor: Config of h.
    """

    def __init__(self, predictor: dict) -> None:
        super().__init__()
        self.predictor = MODELS.build(predictor)

    def predict(self, projections: Tensor) -> Tensor:
        """Return the prediction p = h(z), [B, D]."""
        return self.predictor((projections,))[0]


@MODELS.register_module()
class SymmetricPredictorHead(_PredictorHead):
    """A predictor on both branches; equals a naive Siamese network with h in the encoder."""

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        p_a, p_b = (self.predict(z) for z in two_views(views, self))
        return {"loss": 0.5 * (distance(p_a, p_b) + distance(p_b, p_a))}


@MODELS.register_module()
class SimSiamHead(_PredictorHead):
    """SimSiam (Chen and He 2021, algorithm 1)."""

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = two_views(views, self)
        p_a, p_b = self.predict(z_a), self.predict(z_b)
        return {"loss": 0.5 * (distance(p_a, z_b) + distance(p_b, z_a))}


@MODELS.register_module()
class MirrorSimSiamHead(_PredictorHead):
    """SimSiam with gradients on the other branch: to the encoder through z, to h through p.

    The stop-gradient is before h, so h gets gradients.
    """

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = two_views(views, self)
        losses = [
            mean_over_ranks(cosine_distances(z, self.predict(other.detach())))
            for z, other in ((z_a, z_b), (z_b, z_a))
        ]
        return {"loss": 0.5 * (losses[0] + losses[1])}


@MODELS.register_module()
class InversePredictorHead(_PredictorHead):
    """A predictor on both branches, and its learned inverse h' on the branch with stop-gradient.

    There are three losses, each between a prediction and a detached target (algorithm 5): h learns
    to predict the other view; h' learns to map p to z; the encoder, and h through p, learn to map
    p_a to h'(p_b).

    Args:
        predictor: Config of h.
        inverse_predictor: Config of h'; that of h by default.
        second_half: Weight of the second direction of the encoder loss; the first has 0.5. The
            printed algorithm omits this 0.5, probably by mistake: use 1.0 to reproduce it.
    """

    def __init__(
        self, predictor: dict, *, inverse_predictor: dict | None = None, second_half: float = 0.5
    ) -> None:
        super().__init__(predictor)
        self.inverse_predictor = MODELS.build(inverse_predictor or predictor)
        self.second_half = second_half

    def undo(self, predictions: Tensor) -> Tensor:
        """Return the inverse h'(p), [B, D]."""
        return self.inverse_predictor((predictions,))[0]

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of two views, [B, D] each."""
        z_a, z_b = two_views(views, self)
        predicting = [distance(self.predict(z_a.detach()), z_b)]
        predicting += [distance(self.predict(z_b.detach()), z_a)]
        p_a, p_b = self.predict(z_a), self.predict(z_b)
        back_a, back_b = self.undo(p_a.detach()), self.undo(p_b.detach())
        undoing = [distance(back_a, z_a), distance(back_b, z_b)]
        encoding = 0.5 * distance(p_a, back_b) + self.second_half * distance(p_b, back_a)
        return {
            "loss_encoder": encoding,
            "loss_predictor": 0.5 * (predicting[0] + predicting[1]),
            "loss_inverse": 0.5 * (undoing[0] + undoing[1]),
        }
