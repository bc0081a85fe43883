"""A self-supervised model whose head gets the projections of all views, and what its heads share.

Letters: B images of this process, M of all, D channels; a and b the two views.
"""

import functools
from collections.abc import Callable, Sequence

import torch
from mmengine.model import BaseModule
from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS
from mmdense.ssl.gather import gather_rows
from mmdense.ssl.losses import infonce_losses, unit_vectors

__all__ = ["InfoNCEHead", "SiameseViews", "gathered_units", "in_float32", "two_views"]


@MODELS.register_module()
class SiameseViews(BaseSelfSupervisor):
    """Backbone and projector on each view in turn; the head computes the loss of its method.

    Each view passes alone, as in SimSiam: a BatchNorm sees the statistics of one view. The head's
    ``loss(views, data_samples)`` gets one ``[B, D]`` a view.
    """

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **_: object
    ) -> dict[str, Tensor]:
        """Return the losses of a batch.

        Args:
            inputs: One ``[B, 3, H, W]`` a view.
            data_samples: Of the images; a head may know an image by its ``sample_idx``.

        Raises:
            ValueError: Fewer than two views.
        """
        if not isinstance(inputs, list) or len(inputs) < 2:
            found = len(inputs) if isinstance(inputs, list) else "one tensor"
            raise ValueError(
                f"need a list of two views or more, found {found}; the model's data_preprocessor "
                "makes them, for instance mmdense.MultiViewPreprocessor"
            )
        views = [self.neck(self.backbone(view))[0] for view in inputs]
        return self.head.loss(views, data_samples)


def two_views(views: Sequence[Tensor], head: BaseModule) -> tuple[Tensor, Tensor]:
    """Return the two views of a head that takes no more.

    Raises:
        ValueError: There are more, or fewer.
    """
    if len(views) != 2:
        raise ValueError(f"{type(head).__name__} needs two views, found {len(views)}")
    return views[0], views[1]


def gathered_units(views: Sequence[Tensor], head: BaseModule) -> tuple[Tensor, Tensor]:
    """Return the two views of all processes as vectors of length 1, [M, D] each.

    Raises:
        ValueError: There are more views than two, or fewer.
    """
    z_a, z_b = two_views(views, head)
    return unit_vectors(gather_rows(z_a)), unit_vectors(gather_rows(z_b))


def in_float32(loss: Callable[..., dict[str, Tensor]]) -> Callable[..., dict[str, Tensor]]:
    """Turn autocast off for a head's ``loss`` that multiplies matrices of vectors.

    The projections of a network in bfloat16 come as they are; statistics of them are float32.
    """

    @functools.wraps(loss)
    def in_full(
        self: BaseModule, views: list[Tensor], data_samples: list[DataSample]
    ) -> dict[str, Tensor]:
        with torch.autocast(views[0].device.type, enabled=False):
            return loss(self, views, data_samples)

    return in_full


@MODELS.register_module()
class InfoNCEHead(BaseModule):
    """InfoNCE in both directions; the negatives of a view are the other images' other views.

    Args:
        temperature: tau.

    Raises:
        ValueError: ``temperature`` is not positive.
    """

    def __init__(self, *, temperature: float = 0.1) -> None:
        super().__init__()
        if temperature <= 0:
            raise ValueError(
                f"InfoNCEHead.temperature must be positive, found {temperature}; 0.1 is usual"
            )
        self.temperature = temperature

    @in_float32
    def loss(self, views: list[Tensor], data_samples: list[DataSample]) -> dict[str, Tensor]:
        """Return the loss of two views, [B, D] each."""
        z_a, z_b = gathered_units(views, self)
        forth = infonce_losses(z_a, z_b, temperature=self.temperature)
        back = infonce_losses(z_b, z_a, temperature=self.temperature)
        return {"loss": 0.5 * (forth.mean() + back.mean())}
