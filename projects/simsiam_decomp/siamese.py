"""A self-supervised model that hands the projections of all its views to the head."""

from mmpretrain.models.selfsup import BaseSelfSupervisor
from mmpretrain.structures import DataSample
from torch import Tensor

from mmdense.registry import MODELS

__all__ = ["SiameseViews"]


@MODELS.register_module()
class SiameseViews(BaseSelfSupervisor):
    """Backbone and projector on each view in turn; the head makes of it what its method says.

    Each view passes alone, as in SimSiam: a BatchNorm sees the statistics of one view. The head's
    ``loss(views, data_samples)`` gets one ``[B, D]`` a view.
    """

    def loss(
        self, inputs: list[Tensor], data_samples: list[DataSample], **_: object
    ) -> dict[str, Tensor]:
        """Losses of a batch.

        Args:
            inputs: One ``[B, 3, H, W]`` a view.
            data_samples: Of the images; the moving average of an image knows it by ``sample_idx``.

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
