"""Projector and prototypes of DINO.

Letters: R rows, C input channels, D channels of the bottleneck, K prototypes.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.model.weight_init import trunc_normal_
from torch import Tensor, nn

from mmdense.registry import MODELS

__all__ = ["DINONeck", "Prototypes", "width_of"]


@MODELS.register_module()
class DINONeck(BaseModule):
    """Three linear layers with GELU, and vectors of length 1 at the end.

    Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers", appendix C. The
    last layer of the paper's head is :class:`Prototypes`.

    Args:
        in_channels: C.
        hid_channels: Width of the two hidden layers.
        out_channels: D, the bottleneck.
    """

    def __init__(
        self, *, in_channels: int, hid_channels: int = 2048, out_channels: int = 256
    ) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(in_channels, hid_channels),
            nn.GELU(),
            nn.Linear(hid_channels, hid_channels),
            nn.GELU(),
            nn.Linear(hid_channels, out_channels),
        )

    def init_weights(self) -> None:
        """Draw the weights from a normal distribution of deviation 0.02; biases are zero."""
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                trunc_normal_(layer.weight, std=0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor]:
        """Return one vector of length 1 for each row, in float32, ([R, D],).

        Args:
            inputs: The last one counts, as in the necks of MMPretrain. [R, C]
        """
        return (F.normalize(self.layers(inputs[-1]).float(), dim=-1),)


class Prototypes(nn.Module):
    """Cosines with K learned vectors: a linear layer whose rows have length 1.

    Args:
        channels: D.
        prototypes: K.
        learn_length: Learn the length of each prototype, instead of 1.
    """

    def __init__(self, channels: int, prototypes: int, *, learn_length: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(prototypes, channels))
        self.length = nn.Parameter(torch.ones(prototypes, 1)) if learn_length else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the weights as for ``torch.nn.Linear``.

        Only the direction of a row counts, but AdamW turns a short row faster.
        """
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)

    def forward(self, vectors: Tensor) -> Tensor:
        """Return the logits, [R, K].

        Args:
            vectors: Of length 1. [R, D]
        """
        weight = F.normalize(self.weight, dim=1)
        return F.linear(vectors, weight if self.length is None else self.length * weight)


def width_of(neck: nn.Module) -> int:
    """Return D, the number of outputs of the last linear layer of a neck.

    Raises:
        ValueError: There is no linear layer.
    """
    linear = [module for module in neck.modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ValueError(f"{type(neck).__name__} has no linear layer to find its width by")
    return linear[-1].out_features
