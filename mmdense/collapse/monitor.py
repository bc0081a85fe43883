"""The readings of one training step of a model, over all processes.

Letters: B images of this process, M of all, V views, D channels.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from mmdense.collapse import readings
from mmdense.collapse.taps import Tap, as_vectors, find_parts, last_free_norm, split_views
from mmdense.ssl.gather import gather_rows, sum_over_ranks

__all__ = ["STEP", "Monitor"]

STEP = (*readings.STEP, "drift", "m_o_before_norm")  # what a step gives, in its order


class Monitor:
    """Watches the modules of a model from its making until :meth:`close`.

    Attributes:
        parts: The modules.
        centre_hidden: Whether the projector ends in a BatchNorm without affine weights.
        vectors: Vectors of all processes behind the last centre; 0 before the first.

    Args:
        model: Not wrapped.
        layout: How views lie in the projector's output; default by the model.
        names: Names of backbone, projector and predictor, see :func:`find_parts`.

    Raises:
        ValueError: A module is not there.
    """

    def __init__(self, model: nn.Module, *, layout: str | None, **names: Any) -> None:
        self.parts = find_parts(model, layout=layout, **names)
        self._z = Tap(self.parts.projector, _vectors)
        self._p = Tap(self.parts.predictor, _vectors) if self.parts.predictor is not None else None
        norm = None if self.parts.encoder_only else last_free_norm(self.parts.projector)
        self._before = Tap(norm, _vectors, inputs=True) if norm is not None else None
        self.centre_hidden = norm is not None
        self.vectors = 0
        self._views: list[Tensor] = []
        self._centre: Tensor | None = None

    def begin(self, *, with_gradients: bool) -> None:
        """Forget the last step; keep the gradients of the coming one or not."""
        for tap in self._taps():
            tap.clear()
            tap.with_gradients = with_gradients

    def close(self) -> None:
        """Watch no more."""
        for tap in self._taps():
            tap.close()

    def read_step(self, images: int) -> Tensor:
        """The readings named by ``STEP``, NaN where there is none, [6].

        Nothing waits for the device.

        Args:
            images: B.

        Raises:
            ValueError: The projector was not called, or its views do not pair.
        """
        self._views = self._find_views(images)
        values, centre = readings.step_readings(self._views, sum_over_ranks)
        drift = before = values.new_tensor(math.nan)
        if self._centre is not None:
            drift = torch.cosine_similarity(centre, self._centre, dim=0)
        if self._before is not None and self._before.outputs:
            before = readings.step_readings(self._before.outputs, sum_over_ranks)[0][0]
        self._centre = centre
        return torch.cat([values, torch.stack([drift, before])])

    def read_batch(self) -> tuple[dict[str, float], int, int]:
        """The readings of the batch of all processes, M and D.

        Without readings where the batch is one image, or not finite.
        """
        z = [gather_rows(view.float()) for view in self._views[:2]]  # [M, D] each
        count = torch.tensor([float(sum(len(view) for view in self._views))])
        self.vectors = int(sum_over_ranks([count])[0])
        p = []
        if self._p is not None and len(self._p.outputs) == len(self._views):
            p = [gather_rows(view.float()) for view in self._p.outputs[:2]]
        size, channels = z[0].shape
        if size < 2 or not all(bool(view.isfinite().all()) for view in (*z, *p)):
            return {}, size, channels
        found = readings.batch_readings(z, p)
        return found | self._read_gradient(p or z, self._p if p else self._z), size, channels

    def _read_gradient(self, features: list[Tensor], tap: Tap | None) -> dict[str, float]:
        """The extra gradient on the first view; the second is its pull."""
        given = [] if tap is None else [one for one in tap.gradients if one is not None]
        if len(features) < 2 or not given:
            return {}
        own = split_views(given, self.parts.layout, len(self._views[0]))[0].float()  # [B, D]
        gradient = gather_rows(own * len(own))  # the loss of each process is a mean of its images
        if not bool(gradient.isfinite().all()):
            return {}
        return readings.gradient_readings(features[0], gradient, features[1])

    def _find_views(self, images: int) -> list[Tensor]:
        if not self._z.outputs:
            raise ValueError(
                "CollapseHook: the projector was not called in this step; name the module that "
                "gives projections, CollapseHook.projector"
            )
        views = split_views(self._z.outputs, self.parts.layout, images)
        shapes = sorted({tuple(view.shape) for view in views[:2]})
        if len(shapes) > 1:
            raise ValueError(
                f"CollapseHook: the views do not pair, they are {shapes}; CollapseHook.views says "
                "how they lie in the projector's output"
            )
        return views

    def _taps(self) -> list[Tap]:
        return [tap for tap in (self._z, self._p, self._before) if tap is not None]


def _vectors(output: Any) -> Tensor:
    return as_vectors(output, first=True)
