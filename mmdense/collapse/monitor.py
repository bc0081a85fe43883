"""Readings of a training step of a model, over all processes.

Letters: B images of this process, M of all, V views, D channels.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from mmengine.dist import get_world_size
from torch import Tensor, nn

from mmdense.collapse import readings
from mmdense.collapse.taps import Tap, find_parts, last_free_norm, split_views
from mmdense.ssl.gather import gather_rows, sum_over_ranks

# Results of a step, in this order; the last three are m_o, m_r and std of the predictions.
STEP = (*readings.STEP, "drift", "m_o_before_norm", "p_m_o", "p_m_r", "p_std")


class Monitor:
    """Watches the modules of a model until :meth:`close`.

    Attributes:
        parts: The modules.
        centre_hidden: Whether the projector ends in a BatchNorm without affine weights.
        vectors: Number of vectors of all processes in the last centre; 0 before the first.

    Args:
        model: Without a wrapper such as DDP.
        layout: Order of the views in the output of the projector; the default depends on the model.
        names: Names of backbone, projector and predictor, see :func:`find_parts`.

    Raises:
        ValueError: A module does not exist.
    """

    def __init__(self, model: nn.Module, *, layout: str | None, **names: Any) -> None:
        self.parts = find_parts(model, layout=layout, **names)
        self._z = Tap(self.parts.projector, "projector")
        self._predictors = [Tap(predictor, "predictor") for predictor in self.parts.predictors]
        self._p: _Predictions | None = None
        norm = None if self.parts.encoder_only else last_free_norm(self.parts.projector)
        self._before = Tap(norm, "projector", inputs=True) if norm is not None else None
        self.centre_hidden = norm is not None
        self.vectors = 0
        self._views: list[Tensor] = []
        self._centre: Tensor | None = None

    def begin(self, *, with_gradients: bool) -> None:
        """Forget the last step; keep the gradients of the next one if asked."""
        for tap in self._taps():
            tap.clear()
            tap.with_gradients = with_gradients

    def close(self) -> None:
        """Remove the forward hooks."""
        for tap in self._taps():
            tap.close()

    def read_step(self, images: int) -> Tensor:
        """Return the readings named in ``STEP``, NaN if there is none, [9].

        Readings of predictions that are not finite are infinite. Does not synchronise with the
        device.

        Args:
            images: B.

        Raises:
            ValueError: The projector was not called, or its views do not pair.
        """
        self._views = self._find_views(images)
        self._p = self._find_predictions()
        values, centre = readings.step_readings(self._views, sum_over_ranks)
        of_p = values.new_full((3,), math.nan)
        if self._p is not None:
            found = readings.step_readings(self._p.outputs, sum_over_ranks)[0][:3]
            of_p = found.nan_to_num(nan=math.inf)
        drift = before = values.new_tensor(math.nan)
        if self._centre is not None:
            drift = torch.cosine_similarity(centre, self._centre, dim=0)
        if self._before is not None and self._before.outputs:
            before = readings.step_readings(self._before.outputs, sum_over_ranks)[0][0]
        self._centre = centre
        return torch.cat([values, torch.stack([drift, before]), of_p])

    def read_batch(self) -> tuple[dict[str, float], int, int]:
        """Return the readings of the batch of all processes, M and D.

        There are no readings if the batch has one image or is not finite.
        """
        z = [gather_rows(view.float()) for view in self._views[:2]]  # [M, D] each
        count = z[0].new_tensor([float(sum(len(view) for view in self._views))])
        self.vectors = int(sum_over_ranks([count])[0])
        p = []
        if self._p is not None:
            p = [gather_rows(view.float()) for view in self._p.outputs[:2]]
        size, channels = z[0].shape
        if size < 2 or not all(bool(view.isfinite().all()) for view in (*z, *p)):
            return {}, size, channels
        found = readings.batch_readings(z, p)
        return found | self._read_gradient(z, p), size, channels

    def predictor_rate(self, groups: Iterable[Mapping[str, Any]]) -> float | None:
        """Return the learning rate of the predictor of the last step, or else of the first one.

        Args:
            groups: Parameter groups of the optimizer. The group of the first weight counts.

        Returns:
            None without a predictor, or if the optimizer does not have its first weight.
        """
        module = self.parts.predictor if self._p is None else self._p.module
        first = None if module is None else next(iter(module.parameters()), None)
        for group in groups:
            if any(parameter is first for parameter in group["params"]):
                return float(group["lr"])
        return None

    def _read_gradient(self, z: list[Tensor], p: list[Tensor]) -> dict[str, float]:
        """The extra gradient on the first view with a gradient; the other view is its pull.

        It is that on P, or on Z if the encoder gets no gradient through P.
        """
        features, given = z, self._gradients_of_z()
        if p and self._p is not None and any(one is not None for one in self._p.gradients):
            features, given = p, self._p.gradients
        first = next((i for i, one in enumerate(given[:2]) if one is not None), None)
        if len(features) < 2 or first is None:
            return {}
        own = given[first]
        assert own is not None
        # The loss is a mean over the images of all processes; their numbers can differ.
        gradient = gather_rows(own.float()) * (len(features[0]) / get_world_size())  # [M, D]
        if not bool(gradient.isfinite().all()):
            return {}
        return readings.gradient_readings(features[first], gradient, features[1 - first])

    def _gradients_of_z(self) -> list[Tensor | None]:
        """One for each view."""
        given = self._z.gradients
        if self.parts.layout == "calls":
            return list(given)
        if given[0] is None:
            return []
        return list(split_views([given[0]], self.parts.layout, len(self._views[0])))

    def _find_predictions(self) -> "_Predictions | None":
        """P of each view, of the predictor in use; None if a view has none.

        A call belongs to the view whose memory was its input. If a view has several calls, the one
        that passes a gradient to the encoder counts. If no input is a view, calls are in order.
        """
        for module, tap in zip(self.parts.predictors, self._predictors, strict=True):
            calls = [_call_of(view, tap) for view in self._views]
            if None in calls and len(tap.outputs) == len(self._views):
                calls = list(range(len(calls)))
            places = [call for call in calls if call is not None]
            if tap.outputs and len(places) == len(self._views):
                return _Predictions(
                    module,
                    [tap.outputs[place] for place in places],
                    [tap.gradients[place] if tap.learning[place] else None for place in places],
                )
        return None

    def _find_views(self, images: int) -> list[Tensor]:
        if not self._z.outputs:
            raise ValueError(
                "CollapseHook: the projector was not called in this step. Set "
                "CollapseHook.projector to the name of the module that returns the projections."
            )
        views = split_views(self._z.outputs, self.parts.layout, images)
        shapes = sorted({tuple(view.shape) for view in views[:2]})
        if len(shapes) > 1:
            raise ValueError(
                f"CollapseHook: the views have different shapes {shapes}. Set CollapseHook.views "
                "to the order of the views in the output of the projector."
            )
        return views

    def _taps(self) -> list[Tap]:
        own = [tap for tap in (self._z, self._before) if tap is not None]
        return [*own, *self._predictors]


class _Predictions(NamedTuple):
    """Outputs of one predictor for each view, [B, D], and their gradients to the encoder."""

    module: nn.Module
    outputs: list[Tensor]
    gradients: list[Tensor | None]


def _call_of(view: Tensor, tap: Tap) -> int | None:
    """The call of the predictor that had the view as input; calls with a gradient come first."""
    calls = [
        call
        for call, source in enumerate(tap.sources)
        if source is not None
        and source.data_ptr() == view.data_ptr()
        and source.shape == view.shape
    ]
    return max(calls, key=lambda call: tap.learning[call], default=None)
