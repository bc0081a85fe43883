"""Predictors of SimSiam: the smallest ones that avoid collapse, and analytic ones.

Each maps ``(z,)`` to ``(p,)``, like the necks of MMPretrain, so they also work with
``mmpretrain.LatentPredictHead``. For an MLP use ``mmpretrain.NonLinearNeck``.

Letters: B rows, D channels.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdense.registry import MODELS
from mmdense.ssl.gather import sum_over_ranks

_BOUNDS: dict[str | None, Callable[[Tensor], Tensor]] = {
    None: lambda weight: weight,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@MODELS.register_module()
class AffinePredictor(BaseModule):
    """A matrix, a bias, or both in either order, on vectors of length 1.

    A bias alone prevents collapse (Zhang et al. 2022, section 5): it becomes parallel to the
    centre, which removes the centre from the vectors. It does not mix channels, so it cannot
    de-correlate.

    Args:
        channels: D.
        layers: ``("fc",)``, ``("bias",)``, ``("bias", "fc")`` or ``("fc", "bias")``, in the order
            of application. The matrix is initialised like ``nn.Linear``, the bias with zeros.
        bound: Function of the parameters in the forward pass: "tanh", "sigmoid" or None.

    Raises:
        ValueError: Unknown layers or bound.
    """

    def __init__(
        self, channels: int, *, layers: Sequence[str] = ("bias",), bound: str | None = None
    ) -> None:
        super().__init__()
        if sorted(layers) not in (["fc"], ["bias"], ["bias", "fc"]):
            raise ValueError(
                f"AffinePredictor.layers must be 'fc', 'bias', or both, found {tuple(layers)}"
            )
        if bound not in _BOUNDS:
            raise ValueError(f"AffinePredictor.bound={bound!r}: use 'tanh', 'sigmoid' or None")
        self.layers, self.bound = tuple(layers), bound
        if "fc" in layers:
            self.fc = nn.Linear(channels, channels, bias=False)
        if "bias" in layers:
            self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Return the prediction from the last of ``inputs``, [B, D]."""
        hidden = F.normalize(inputs[-1], dim=1)  # [B, D]
        bounded = _BOUNDS[self.bound]
        for layer in self.layers:
            if layer == "fc":
                hidden = F.linear(hidden, bounded(self.fc.weight))
            else:
                hidden = hidden + bounded(self.bias)
        return (hidden,)


@MODELS.register_module()
class DirectPredictor(BaseModule):
    """A linear predictor that is computed, not trained: DirectPred and DirectCopy.

    The matrix W is computed from F, the running correlation of the inputs. DirectPred keeps the
    eigenvectors of F and replaces its eigenvalues s by ``sqrt(s / s_max) + epsilon`` (Tian et al.
    2021, "Understanding Self-Supervised Learning Dynamics without Contrastive Pairs", section 4).
    DirectCopy is ``F + epsilon I`` (Wang et al. 2021, "Towards Demystifying Representation Learning
    with Non-contrastive Self-supervision"). Here F is divided by its largest eigenvalue first, so
    that epsilon does not depend on the length of the inputs. W has no gradient.

    Args:
        channels: D.
        copy: Use DirectCopy instead of DirectPred.
        momentum: Weight of the old F in the new one; 0.3 in the published command.
        epsilon: Added to every eigenvalue.
        floor: Minimum eigenvalue of DirectPred.
        centred: Subtract the mean from F. Then W cannot remove the centre from the vectors.
        interval: Training forward passes between two updates of W.

    Raises:
        ValueError: ``momentum`` is not in [0, 1), or ``interval`` is below 1.
    """

    correlation: Tensor
    mean: Tensor
    weight: Tensor
    seen: Tensor

    def __init__(
        self,
        channels: int,
        *,
        copy: bool = False,
        momentum: float = 0.3,
        epsilon: float = 0.01,
        floor: float = 1e-4,
        centred: bool = False,
        interval: int = 1,
    ) -> None:
        super().__init__()
        if not 0.0 <= momentum < 1.0:
            raise ValueError(
                f"DirectPredictor.momentum must be at least 0 and below 1, found {momentum}"
            )
        if interval < 1:
            raise ValueError(f"DirectPredictor.interval must be at least 1, found {interval}")
        self.copy, self.momentum, self.epsilon, self.floor = copy, momentum, epsilon, floor
        self.centred, self.interval = centred, interval
        self.register_buffer("correlation", torch.zeros(channels, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("weight", torch.eye(channels))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Return the prediction from the last of ``inputs``, [B, D]; training updates F first."""
        hidden = inputs[-1]
        if self.training:
            self._update(hidden.detach().float())
        return (hidden @ self.weight.to(hidden.dtype),)  # W is symmetric

    @torch.no_grad()
    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def _update(self, rows: Tensor) -> None:
        count = rows.new_full((), len(rows))
        outer, total, number = sum_over_ranks([rows.T @ rows, rows.sum(dim=0), count])
        keep = self.momentum if int(self.seen) else 0.0
        self.correlation.lerp_(outer / number, 1.0 - keep)
        self.mean.lerp_(total / number, 1.0 - keep)
        if int(self.seen) % self.interval == 0:
            self.weight = self._solve()  # not in place: the graph of a view can use the old W
        self.seen += 1

    def _solve(self) -> Tensor:
        """W from F, [D, D]."""
        matrix = self.correlation
        if self.centred:
            matrix = matrix - torch.outer(self.mean, self.mean)
        values, vectors = torch.linalg.eigh(matrix)  # ascending
        largest = values[-1].clamp(min=torch.finfo(values.dtype).tiny)
        if self.copy:
            identity = torch.eye(len(matrix), device=matrix.device)
            return matrix / largest + self.epsilon * identity
        roots = (values.clamp(min=0.0) / largest).sqrt() + self.epsilon
        return vectors * roots.clamp(min=self.floor) @ vectors.T
