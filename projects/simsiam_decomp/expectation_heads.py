"""Explicit expectations over augmentations in the place of SimSiam's predictor.

SimSiam's authors read h as an expectation over augmentations (Chen and He 2021, section 5.2). Were
that what avoids collapse, a better one should do better: an average over many views of the batch
collapses, a moving average over the epochs does not (Zhang et al. 2022, table 1).

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

__all__ = ["MovingAverageHead", "SameBatchExpectationHead"]


@MODELS.register_module()
class SameBatchExpectationHead(BaseModule):
    """The first view against the stopped mean of the other views; 10 or 25 views in the paper.

    ``mmdense.MultiViewPreprocessor(views=[dict(num=10)], ...)`` makes them.
    """

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Loss of three views or more, [B, D] each.

        Raises:
            ValueError: Fewer than three views.
        """
        if len(views) < 3:
            raise ValueError(
                f"SameBatchExpectationHead averages two views or more beside the first, found "
                f"{len(views)} in all; set data_preprocessor.views=[dict(num=3)] or more"
            )
        others = torch.stack([unit_vectors(view.detach()) for view in views[1:]])
        return {"loss": distance(views[0], others.mean(dim=0))}


@MODELS.register_module()
class MovingAverageHead(BaseModule):
    """One view against the moving average of the other over the epochs, for each image.

        loss = |z_a - eta_i|^2,      eta_i <- momentum eta_i + (1 - momentum) z_b

    Chen and He 2021, section 5.2. The loss is the mean of squares over the channels of vectors as
    they are, as in the fork of solo-learn that its experiments seem to come from; the average
    starts at random directions.

    Args:
        num_images: Of the training set.
        channels: D.
        momentum: 0.8 in the paper.
        cosine: Negative cosine in the place of squares.
    """

    average: Tensor

    def __init__(
        self, num_images: int, channels: int, *, momentum: float = 0.8, cosine: bool = False
    ) -> None:
        super().__init__()
        self.momentum, self.cosine = momentum, cosine
        self.register_buffer("average", F.normalize(torch.randn(num_images, channels), dim=1))

    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Loss of two views, [B, D] each, before they enter the average.

        Raises:
            ValueError: An image without ``sample_idx``, or one beyond ``num_images``.
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
                "MovingAverageHead knows an image by data_samples[i].sample_idx, which is missing; "
                "MMPretrain's PackInputs and mmdense's data sets give it"
            )
        index = torch.as_tensor([int(i) for i in found])  # [B]
        if not 0 <= int(index.min()) <= int(index.max()) < len(self.average):
            raise ValueError(
                f"image {int(index.max())} of the data set, but num_images={len(self.average)}"
            )
        return index
