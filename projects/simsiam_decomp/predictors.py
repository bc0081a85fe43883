"""Predictors of SimSiam: from the smallest ones that avoid collapse to analytic ones.

Each takes ``(z,)`` and gives ``(p,)``, as MMPretrain's necks do, so that
``mmpretrain.LatentPredictHead`` takes them too. MLPs are ``mmpretrain.NonLinearNeck``.

Letters: B rows, D channels.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdense.registry import MODELS
from mmdense.ssl.gather import sum_over_ranks

__all__ = ["AffinePredictor", "DirectPredictor"]

_BOUNDS: dict[str | None, Callable[[Tensor], Tensor]] = {
    None: lambda weight: weight,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@MODELS.register_module()
class AffinePredictor(BaseModule):
    """One matrix, one bias, or both in either order, on vectors of length 1.

    A bias alone avoids collapse (Zhang et al. 2022, section 5): it turns parallel to the centre,
    which takes the centre out of the vectors. It cannot de-correlate, as it mixes no channels.

    Args:
        channels: D.
        layers: ``("fc",)``, ``("bias",)``, ``("bias", "fc")`` or ``("fc", "bias")``, in the order
            of their use. The matrix starts as torch's linear layers do, the bias at zero.
        bound: What matrix and bias pass through in each use: "tanh", "sigmoid" or nothing. The
            parameters themselves stay as the optimiser leaves them.

    Raises:
        ValueError: Unknown layers or bound.
    """

    def __init__(
        self, channels: int, *, layers: Sequence[str] = ("bias",), bound: str | None = None
    ) -> None:
        super().__init__()
        if sorted(layers) not in (["fc"], ["bias"], ["bias", "fc"]):
            raise ValueError(
                f"AffinePredictor.layers={tuple(layers)}: a predictor has 'fc', 'bias', or both, "
                "each once"
            )
        if bound not in _BOUNDS:
            raise ValueError(f"AffinePredictor.bound={bound!r} can be 'tanh', 'sigmoid' or None")
        self.layers, self.bound = tuple(layers), bound
        if "fc" in layers:
            self.fc = nn.Linear(channels, channels, bias=False)
        if "bias" in layers:
            self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Predict from the last of ``inputs``, [B, D]."""
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

    F, the running correlation of its inputs, gives the matrix W: DirectPred keeps F's eigenvectors
    and takes ``sqrt(s / s_max) + epsilon`` for its eigenvalues s (Tian et al. 2021, "Understanding
    Self-Supervised Learning Dynamics without Contrastive Pairs", section 4); DirectCopy is
    ``F + epsilon I`` (Wang et al. 2021, "Towards Demystifying Representation Learning with
    Non-contrastive Self-supervision"), here with F over its greatest eigenvalue, so that epsilon
    means the same whatever the length of the inputs. W has no gradient.

    Args:
        channels: D.
        copy: DirectCopy instead of DirectPred.
        momentum: Share of the old F in the new one; 0.3 in the published command.
        epsilon: Added to every eigenvalue.
        floor: Least eigenvalue of DirectPred.
        centred: Take the mean out of F. What is left cannot take the centre out of the vectors.
        interval: Forward passes in training between two new W.

    Raises:
        ValueError: ``momentum`` is not from 0 to below 1, or ``interval`` is below 1.
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
                f"DirectPredictor.momentum must be from 0 to below 1, found {momentum}"
            )
        if interval < 1:
            raise ValueError(f"DirectPredictor.interval must be 1 pass or more, found {interval}")
        self.copy, self.momentum, self.epsilon, self.floor = copy, momentum, epsilon, floor
        self.centred, self.interval = centred, interval
        self.register_buffer("correlation", torch.zeros(channels, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("weight", torch.eye(channels))
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Predict from the last of ``inputs``, [B, D]; in training, take it into F before."""
        hidden = inputs[-1]
        if self.training:
            self._take_in(hidden.detach().float())
        return (hidden @ self.weight.to(hidden.dtype),)  # W is symmetric

    @torch.no_grad()
    @torch.autocast("cpu", enabled=False)
    @torch.autocast("cuda", enabled=False)
    def _take_in(self, rows: Tensor) -> None:
        count = rows.new_full((), len(rows))
        outer, total, number = sum_over_ranks([rows.T @ rows, rows.sum(dim=0), count])
        keep = self.momentum if int(self.seen) else 0.0
        self.correlation.lerp_(outer / number, 1.0 - keep)
        self.mean.lerp_(total / number, 1.0 - keep)
        if int(self.seen) % self.interval == 0:
            self.weight = self._solve()  # the old one may still stand in the graph of a view
        self.seen += 1

    def _solve(self) -> Tensor:
        """W from F, [D, D]."""
        matrix = self.correlation
        if self.centred:
            matrix = matrix - torch.outer(self.mean, self.mean)
        values, vectors = torch.linalg.eigh(matrix)  # ascending
        greatest = values[-1].clamp(min=torch.finfo(values.dtype).tiny)
        if self.copy:
            identity = torch.eye(len(matrix), device=matrix.device)
            return matrix / greatest + self.epsilon * identity
        roots = (values.clamp(min=0.0) / greatest).sqrt() + self.epsilon
        return vectors * roots.clamp(min=self.floor) @ vectors.T
