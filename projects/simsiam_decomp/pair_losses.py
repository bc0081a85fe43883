"""Registered losses on the projections of two views, and a head with their sum.

Each loss has the argument ``weight``, a factor.

Letters: B images of this process, M of all, D channels; a and b the two views. Losses get the
projections of all processes, not normalised, and normalise them if their definition does.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from mmdense.collapse import readings
from mmdense.collapse.decorrelation import decorrelation_loss
from mmdense.registry import MODELS
from mmdense.ssl.gather import gather_rows
from mmdense.ssl.losses import infonce_losses
from mmdense.ssl.siamese import in_float32, two_views
from projects.simsiam_decomp.losses import centre_loss, cosine_distances, variance_loss


class _PairLoss(nn.Module):
    """A loss of two views with a weight."""

    def __init__(self, *, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        """Return the weighted loss of projections [M, D]."""
        return self.weight * self._compute(z_a, z_b)

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        """Return the loss of projections [M, D]."""
        raise NotImplementedError


class _UnitLoss(_PairLoss):
    """A loss of the normalised vectors of each view, averaged over both views."""

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        first, second = (self._of_view(F.normalize(z, dim=1)) for z in (z_a, z_b))
        return 0.5 * (first + second)

    def _of_view(self, vectors: Tensor) -> Tensor:
        """Return the loss of vectors of length 1, [M, D]."""
        raise NotImplementedError


@MODELS.register_module()
class NegativeCosineLoss(_PairLoss):
    """``-Z_a . sg(Z_b)``, symmetrised: the pull between two views, which collapses alone."""

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        forth, back = cosine_distances(z_a, z_b.detach()), cosine_distances(z_b, z_a.detach())
        return 0.5 * (forth.mean() + back.mean())


@MODELS.register_module()
class ComponentPullLoss(_UnitLoss):
    """``-Z . sg(o)`` or ``-Z . sg(r)``: pulls vectors to their centre, or along their residuals.

    The first increases m_o, the second m_r (Zhang et al. 2022, conjecture 1 and figure 4).

    Args:
        to: "centre" or "residual".

    Raises:
        ValueError: ``to`` is neither.
    """

    def __init__(self, *, to: str, weight: float = 1.0) -> None:
        super().__init__(weight=weight)
        if to not in ("centre", "residual"):
            raise ValueError(f"ComponentPullLoss.to must be 'centre' or 'residual', found {to!r}")
        self.to_centre = to == "centre"

    def _of_view(self, vectors: Tensor) -> Tensor:
        centre = vectors.mean(dim=0).detach()  # [D]
        target = centre if self.to_centre else vectors.detach() - centre
        return -(vectors * target).sum(dim=1).mean()


@MODELS.register_module()
class CentreLoss(_UnitLoss):
    """Half the squared length of the centre; the triplet loss removes its gradient, o_z."""

    def _of_view(self, vectors: Tensor) -> Tensor:
        return centre_loss(vectors)


@MODELS.register_module()
class DecorrelationLoss(_UnitLoss):
    """Squared covariances between the channels of unit vectors (Zhang et al. 2022, algorithm 6)."""

    def _of_view(self, vectors: Tensor) -> Tensor:
        return decorrelation_loss(vectors)


@MODELS.register_module()
class UniformityLoss(_UnitLoss):
    """Uniformity of vectors on the sphere (Wang and Isola 2020).

    Args:
        t: Width of the kernel.
    """

    def __init__(self, *, t: float = 2.0, weight: float = 1.0) -> None:
        super().__init__(weight=weight)
        self.t = t

    def _of_view(self, vectors: Tensor) -> Tensor:
        return readings.uniformity(vectors, t=self.t)


@MODELS.register_module()
class AlignmentLoss(_PairLoss):
    """Alignment ``|Z_a - Z_b|^alpha`` with gradients to both views (Wang and Isola 2020).

    Args:
        alpha: Exponent.
    """

    def __init__(self, *, alpha: float = 2.0, weight: float = 1.0) -> None:
        super().__init__(weight=weight)
        self.alpha = alpha

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        units = (F.normalize(z_a, dim=1), F.normalize(z_b, dim=1))
        return readings.alignment(*units, alpha=self.alpha)


@MODELS.register_module()
class InfoNCELoss(_PairLoss):
    """InfoNCE in both directions, as ``mmdense.InfoNCEHead`` has it alone.

    Args:
        temperature: tau.

    Raises:
        ValueError: ``temperature`` is not positive.
    """

    def __init__(self, *, temperature: float = 0.1, weight: float = 1.0) -> None:
        super().__init__(weight=weight)
        if temperature <= 0:
            raise ValueError(
                f"InfoNCELoss.temperature must be positive, found {temperature}; try 0.1"
            )
        self.temperature = temperature

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        units = [F.normalize(z, dim=1) for z in (z_a, z_b)]
        forth = infonce_losses(*units, temperature=self.temperature)
        back = infonce_losses(*units[::-1], temperature=self.temperature)
        return 0.5 * (forth.mean() + back.mean())


@MODELS.register_module()
class VICRegLoss(_PairLoss):
    """VICReg (Bardes et al. 2022, equation 6); a term with weight 0 is not computed.

    Projections are not normalised. As in the code of the authors, the invariance is averaged over
    images and channels, the variance is averaged over both views, and the covariance is summed.

    Args:
        invariance: Weight of the squared distance of the views.
        variance: Weight of the hinge loss of the standard deviation.
        covariance: Weight of the squared covariances.
        weight: Of the sum.
    """

    def __init__(
        self,
        *,
        invariance: float = 25.0,
        variance: float = 25.0,
        covariance: float = 1.0,
        weight: float = 1.0,
    ) -> None:
        super().__init__(weight=weight)
        self.invariance, self.variance, self.covariance = invariance, variance, covariance

    def _compute(self, z_a: Tensor, z_b: Tensor) -> Tensor:
        total = z_a.new_zeros(())
        if self.invariance:
            total = total + self.invariance * F.mse_loss(z_a, z_b)
        if self.variance:
            short = variance_loss(z_a) + variance_loss(z_b)
            total = total + self.variance * 0.5 * short
        if self.covariance:
            repeated = decorrelation_loss(z_a) + decorrelation_loss(z_b)
            total = total + self.covariance * repeated
        return total


@MODELS.register_module()
class LossSumHead(BaseModule):
    """A head without a predictor: the sum of losses of two views.

    Args:
        losses: Configs of the losses; each is logged with the name of its type.

    Raises:
        ValueError: No loss, or two of one type.
    """

    def __init__(self, losses: Sequence[dict]) -> None:
        super().__init__()
        names = [str(loss["type"]).rpartition(".")[2].removesuffix("Loss") for loss in losses]
        if not losses or len(set(names)) < len(names):
            raise ValueError(
                f"LossSumHead.losses needs at least one loss and different types, found {names}. "
                "Use `weight` instead of two losses of one type"
            )
        self.losses = nn.ModuleDict(
            {
                f"loss_{name.lower()}": MODELS.build(loss)
                for name, loss in zip(names, losses, strict=True)
            }
        )

    @in_float32
    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of two views, [B, D] each, over the images of all processes."""
        z_a, z_b = (gather_rows(view) for view in two_views(views, self))  # [M, D]
        z_a, z_b = z_a.float(), z_b.float()
        return {name: loss(z_a, z_b) for name, loss in self.losses.items()}
