"""Training with selected parts of the extra gradient: centre and residual.

    loss = -A . sg(B + w_o o_e + w_r r_e)

Zhang et al. 2022, tables 3 and 4. With both weights 1 the gradient on A is that of the method with
a stopped target; with both 0 it is that of two equal branches.

    method      A      B      G_e = o_e + r_e
    simsiam     P_a    P_b    Z_b - P_b
    mirror      Z_a    Z_b    P_b - Z_b
    triplet     Z_a    Z_b    -Z_n, another image
    infonce     Z_a    Z_b    -sum of lambda_i Z_i;  all divided by the temperature

:class:`InfoNCEHead` has the same gradient on A, and also one through B.

Letters: B images of this process, M of all, D channels; a and b the two views.
"""

import torch
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS
from mmdense.ssl.gather import gather_rows, mean_over_ranks, sum_over_ranks
from mmdense.ssl.losses import unit_vectors
from mmdense.ssl.siamese import two_views
from projects.simsiam_decomp.contrastive_heads import other_image
from projects.simsiam_decomp.siamese_heads import distance

_WITH_PREDICTOR = ("simsiam", "mirror")
_METHODS = (*_WITH_PREDICTOR, "triplet", "infonce")
_CENTRES = ("batch", "ranks", "views", "ema")


@MODELS.register_module()
class ComponentCutHead(BaseModule):
    """A method with weights for the two parts of its extra gradient, symmetrised.

    The target is detached, so the encoder gets gradients through A only. In "simsiam" the predictor
    gets gradients through A, too. In "mirror" it is not part of A and has a separate loss.

    Args:
        method: "simsiam", "mirror", "triplet" or "infonce".
        centre_weight: w_o.
        residual_weight: w_r.
        predictor: Config of the predictor, for the first two methods.
        predictor_loss: Train the predictor also with the full loss of SimSiam, without gradients to
            the encoder. The paper does not state whether it does.
        centre: Samples for the mean o_e: "batch", images of this process; "ranks", of all
            processes; "views", of both directions of the loss; "ema", moving average of "views".
        momentum: Of the moving average, at least 0 and below 1.
        temperature: Of InfoNCE.

    Raises:
        ValueError: An unknown method or centre, a number out of range, a missing or unused
            predictor, or mirror SimSiam without ``predictor_loss``.
    """

    average: Tensor

    def __init__(
        self,
        method: str,
        *,
        centre_weight: float,
        residual_weight: float,
        predictor: dict | None = None,
        predictor_loss: bool = False,
        centre: str = "ranks",
        momentum: float = 0.99,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        for key, value, known in (("method", method, _METHODS), ("centre", centre, _CENTRES)):
            if value not in known:
                raise ValueError(
                    f"ComponentCutHead.{key} must be one of {', '.join(known)}, found {value!r}"
                )
        if temperature <= 0:
            raise ValueError(
                f"ComponentCutHead.temperature must be positive, found {temperature}; try 0.1"
            )
        if not 0.0 <= momentum < 1.0:
            raise ValueError(
                f"ComponentCutHead.momentum must be at least 0 and below 1, found {momentum}"
            )
        if (predictor is not None) != (method in _WITH_PREDICTOR):
            change = "set its config" if predictor is None else "remove it"
            raise ValueError(
                f"ComponentCutHead.predictor: method={method!r} "
                f"{'needs a' if predictor is None else 'has no'} predictor; {change}"
            )
        if predictor_loss != (method == "mirror") and method != "simsiam":
            raise ValueError(
                f"ComponentCutHead.predictor_loss={predictor_loss} with method={method!r}: it must "
                "be True for mirror SimSiam, whose predictor has no other loss, and False for "
                "methods without a predictor"
            )
        self.method, self.centre, self.momentum = method, centre, momentum
        self.weights = (centre_weight, residual_weight)
        self.predictor_loss, self.temperature = predictor_loss, temperature
        self.scale = 1.0 / temperature if method == "infonce" else 1.0
        if predictor is not None:
            self.predictor = MODELS.build(predictor)
        self.register_buffer("average", torch.zeros(0))  # [D] after the first step

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the losses of two views, [B, D] each."""
        z = two_views(views, self)
        p = [self.predictor((view,))[0] for view in z] if self.method in _WITH_PREDICTOR else z
        unit_z = [unit_vectors(view) for view in z]
        unit_p = [unit_vectors(view) for view in p]
        anchors = unit_p if self.method == "simsiam" else unit_z
        with torch.no_grad(), torch.autocast(z[0].device.type, enabled=False):
            pulls = (unit_p if self.method == "simsiam" else unit_z)[::-1]
            extras = [self._extra(unit_z, unit_p, a, 1 - a) for a in range(2)]
            centres = self._centres(extras)
            targets = [
                pull + self._weighed(extra, centre)
                for pull, extra, centre in zip(pulls, extras, centres, strict=True)
            ]
        cut = [
            mean_over_ranks(-(anchor * target).sum(dim=1))
            for anchor, target in zip(anchors, targets, strict=True)
        ]
        losses = {"loss": 0.5 * self.scale * (cut[0] + cut[1])}
        if self.predictor_loss:
            forth, back = (
                distance(self.predictor((z[a].detach(),))[0], z[1 - a]) for a in range(2)
            )
            losses["loss_predictor"] = 0.5 * (forth + back)
        return losses

    def _weighed(self, extra: Tensor, centre: Tensor) -> Tensor:
        return self.weights[0] * centre + self.weights[1] * (extra - centre)  # [B, D]

    def _extra(self, z: list[Tensor], p: list[Tensor], a: int, b: int) -> Tensor:
        """G_e on the anchor of view ``a`` for the images of this process, [B, D]."""
        if self.method == "simsiam":
            return z[b] - p[b]
        if self.method == "mirror":
            return p[b] - z[b]
        everywhere = gather_rows(z[b])  # [M, D]
        if self.method == "infonce":
            # The softmax includes the positive; the weights sum to one.
            weights = (z[a] @ everywhere.T / self.temperature).softmax(dim=1)  # [B, M]
            return -weights @ everywhere  # [B, D]
        return -_own_rows(other_image(everywhere), z[b])

    def _centres(self, extras: list[Tensor]) -> list[Tensor]:
        """o_e for each direction, [D]."""
        if self.centre == "batch":
            return [extra.mean(dim=0) for extra in extras]
        count = extras[0].new_full((), len(extras[0]))
        first, second, images = sum_over_ranks([*(extra.sum(dim=0) for extra in extras), count])
        if self.centre == "ranks":
            return [first / images, second / images]
        both = (first + second) / (2 * images)
        if self.centre == "ema" and self.training:
            start = self.average if len(self.average) else both
            self.average = torch.lerp(both, start.to(both), self.momentum)
        running = self.centre == "ema" and len(self.average)  # none before the first step
        return [self.average.to(both) if running else both] * 2

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args: object) -> None:
        saved = state_dict.get(f"{prefix}average")
        if saved is not None:  # its length is unknown before the first step
            self.average = torch.zeros_like(saved, device=self.average.device)
        super()._load_from_state_dict(state_dict, prefix, *args)


def _own_rows(everywhere: Tensor, own: Tensor) -> Tensor:
    """The rows of this process among those of all processes, [B, D]."""
    if len(everywhere) == len(own):
        return everywhere
    counts = gather_rows(own.new_full((1,), len(own)))  # one for each process
    start = int(counts[: torch.distributed.get_rank()].sum())
    return everywhere[start : start + len(own)]
