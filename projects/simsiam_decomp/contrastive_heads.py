"""Heads with negatives from all processes: triplet and dual temperature; InfoNCE is in mmdense.

Letters: M images of all processes, D channels; a and b the two views.
"""

import torch
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS
from mmdense.ssl.siamese import gathered_units, in_float32
from projects.simsiam_decomp.losses import dual_temperature_losses


def other_image(vectors: Tensor) -> Tensor:
    """Return for each image the vector of a random other image, [M, D].

    The batch is rolled by a random shift, so each image is a negative once. The first process draws
    the shift from the CPU generator of torch, for all processes.

    Args:
        vectors: [M, D]

    Raises:
        ValueError: There is no other image.
    """
    if len(vectors) < 2:
        raise ValueError(
            f"a batch needs at least two images for a negative, found {len(vectors)}. Increase "
            "train_dataloader.batch_size, or set train_dataloader.drop_last=True if the last batch "
            "is too small"
        )
    shift = torch.randint(1, len(vectors), (1,))
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        shift = shift.to(vectors.device)
        torch.distributed.broadcast(shift, 0)
    return vectors.roll(int(shift), dims=0)


@MODELS.register_module()
class TripletHead(BaseModule):
    """Triplet loss with one random other image as negative: ``-Z_a . sg(Z_b - Z_n)``.

    Zhang et al. 2022, section 4.2; symmetrised here.

    Args:
        stop_gradient: If False, the target gets gradients, too, as in the fork of solo-learn that
            was probably used for the paper.
    """

    def __init__(self, *, stop_gradient: bool = True) -> None:
        super().__init__()
        self.stop_gradient = stop_gradient

    @in_float32
    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = gathered_units(views, self)
        losses = []
        for anchor, other in ((z_a, z_b), (z_b, z_a)):
            target = other - other_image(other)
            target = target.detach() if self.stop_gradient else target
            losses.append(-(anchor * target).sum(dim=1).mean())
        return {"loss": 0.5 * (losses[0] + losses[1])}


@MODELS.register_module()
class DualTemperatureHead(BaseModule):
    """SimCo's loss (Zhang et al. 2022, "Dual Temperature ..."), in both directions.

    Args:
        temperature: Within an image's negatives.
        inter_temperature: Between images.

    Raises:
        ValueError: A temperature is not positive.
    """

    def __init__(self, *, temperature: float = 0.1, inter_temperature: float = 1.0) -> None:
        super().__init__()
        if min(temperature, inter_temperature) <= 0:
            raise ValueError(
                f"DualTemperatureHead.temperature and inter_temperature must be positive, found "
                f"{temperature} and {inter_temperature}; 0.1 and 1.0 are usual"
            )
        self.temperatures = {"temperature": temperature, "inter_temperature": inter_temperature}

    @in_float32
    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = gathered_units(views, self)
        forth = dual_temperature_losses(z_a, z_b, **self.temperatures)
        back = dual_temperature_losses(z_b, z_a, **self.temperatures)
        return {"loss": 0.5 * (forth.mean() + back.mean())}
