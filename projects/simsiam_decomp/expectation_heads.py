"""Explicit expectations over augmentations, instead of the predictor of SimSiam.

Chen and He 2021, section 5.2, interpret the predictor as an expectation over augmentations. Zhang
et al. 2022, table 1, test this: a mean over many views of the batch collapses, a moving average
over the epochs does not.

Letters: B images of this process, M of all, D channels, V views.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS
from mmdense.ssl.gather import gather_rows, mean_over_ranks
from mmdense.ssl.losses import unit_vectors
from mmdense.ssl.siamese import two_views
from projects.simsiam_decomp.siamese_heads import distance


@MODELS.register_module()
class SameBatchExpectationHead(BaseModule):
    """Compares the first view with the detached mean of the others; 10 or 25 views in the paper.

    ``mmdense.MultiViewPreprocessor(views=[dict(num=10)], ...)`` makes them.
    """

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of at least three views, [B, D] each.

        Raises:
            ValueError: Fewer than three views.
        """
        if len(views) < 3:
            raise ValueError(
                f"SameBatchExpectationHead needs at least three views, found {len(views)}: set "
                "data_preprocessor.views=[dict(num=3)] or more"
            )
        others = torch.stack([unit_vectors(view.detach()) for view in views[1:]])
        return {"loss": distance(views[0], others.mean(dim=0))}


@MODELS.register_module()
class MovingAverageHead(BaseModule):
    """Compares one view with the moving average of the other view over the epochs.

        loss = |z_a - eta_i|^2,      eta_i <- momentum eta_i + (1 - momentum) z_b

    Chen and He 2021, section 5.2. The loss is the mean square over the channels of vectors that are
    not normalised, as in the fork of solo-learn that was probably used for the paper. The average
    of each image i is initialised with a random direction.

    Args:
        num_images: Number of training images.
        channels: D.
        momentum: 0.8 in the paper.
        cosine: Use the negative cosine instead of squares.
    """

    average: Tensor

    def __init__(
        self, num_images: int, channels: int, *, momentum: float = 0.8, cosine: bool = False
    ) -> None:
        super().__init__()
        self.momentum, self.cosine = momentum, cosine
        self.register_buffer("average", F.normalize(torch.randn(num_images, channels), dim=1))

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each, then update the average.

        Raises:
            ValueError: An image has no ``sample_idx``, or one above ``num_images``.
        """
        z_a, z_b = two_views(views, self)
        index = self._index(data_samples).to(z_a.device)  # [B]
        z_a, target = z_a.float(), self.average[index]  # [B, D]
        if self.cosine:
            loss = distance(z_a, target)
        else:
            loss = mean_over_ranks(F.mse_loss(z_a, target, reduction="none").mean(dim=1))
        with torch.no_grad():
            everywhere = gather_rows(index)  # [M]
            updates = gather_rows(z_b.detach().float())  # [M, D]
            self.average[everywhere] = torch.lerp(updates, self.average[everywhere], self.momentum)
        return {"loss": loss}

    def _index(self, data_samples: list[DataSample]) -> Tensor:
        found = [sample.get("sample_idx") for sample in data_samples or []]
        if not found or None in found:
            raise ValueError(
                "MovingAverageHead needs data_samples[i].sample_idx. The data sets of mmdense and "
                "PackInputs of MMPretrain set it"
            )
        index = torch.as_tensor([int(i) for i in found])  # [B]
        if not 0 <= int(index.min()) <= int(index.max()) < len(self.average):
            raise ValueError(
                f"found image {int(index.max())}, but MovingAverageHead.num_images="
                f"{len(self.average)}"
            )
        return index
