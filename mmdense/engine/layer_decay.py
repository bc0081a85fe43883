"""Learning rates that decrease from the head of a model to the stem of its backbone.

Source: BEiT (arXiv:2106.08254) and MAE (arXiv:2111.06377, appendix A) fine-tune their transformers
this way, after ELECTRA (arXiv:2003.10555).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmpretrain.engine.optimizers import LearningRateDecayOptimWrapperConstructor
from torch import nn

from mmdense.registry import OPTIM_WRAPPER_CONSTRUCTORS

__all__ = ["LayerDecay"]

_KEYS = {
    *("bias_decay_mult", "custom_keys", "flat_decay_mult", "layer_decay_rate"),
    "norm_decay_mult",
}


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecay(LearningRateDecayOptimWrapperConstructor):
    """MMPretrain's constructor of layer decay, for detectors and segmentors.

    MMPretrain asks the whole model for the depth of a parameter, which only classifiers answer.
    This class asks the backbone: a parameter ``d`` layers before the head gets
    ``layer_decay_rate ** d`` times the learning rate; neck and heads get the full rate.

    Args:
        optim_wrapper_cfg: Of MMEngine, with ``optimizer``.
        paramwise_cfg: ``layer_decay_rate``, 0 to 1; ``norm_decay_mult``, ``bias_decay_mult`` and
            ``flat_decay_mult``, factors of the weight decay of norms, biases and vectors;
            ``custom_keys``, from parts of names to ``dict(decay_mult=...)``.

    Raises:
        ValueError: An unknown key of ``paramwise_cfg``, or a rate that is not above 0 and up to 1.
        TypeError: When called with a model whose backbone cannot tell the depth of its layers.
    """

    def __init__(
        self, optim_wrapper_cfg: dict[str, Any], paramwise_cfg: dict[str, Any] | None = None
    ) -> None:
        paramwise_cfg = dict(paramwise_cfg or {})
        unknown = sorted(set(paramwise_cfg) - _KEYS)
        for key, settings in paramwise_cfg.get("custom_keys", {}).items():
            unknown += [f"custom_keys[{key!r}].{name}" for name in settings if name != "decay_mult"]
        where = "optim_wrapper.paramwise_cfg"
        if unknown:
            raise ValueError(
                f"{where}: LayerDecay does not take {', '.join(unknown)}; "
                f"it takes {', '.join(sorted(_KEYS))}, and decay_mult for a custom key"
            )
        rate = paramwise_cfg.get("layer_decay_rate", 1.0)
        if not 0 < rate <= 1:
            raise ValueError(f"{where}.layer_decay_rate={rate}: above 0, and 1 at most")
        super().__init__(optim_wrapper_cfg, paramwise_cfg)

    def add_params(
        self,
        params: list[dict],
        module: nn.Module,
        prefix: str = "",
        get_layer_depth: Callable | None = None,
        **kwargs: Any,
    ) -> None:
        """Add a group for each parameter of a module, as MMPretrain does, with its own depth."""
        depth = get_layer_depth or _depth_in(module)
        super().add_params(params, module, prefix=prefix, get_layer_depth=depth, **kwargs)


def _depth_in(model: nn.Module) -> Callable[[str], tuple[int, int]]:
    """Return a function from the name of a parameter to its depth, and that of the head plus 1."""
    backbone: Any = getattr(model, "backbone", None)
    needs = f"layer decay needs a backbone with get_layer_depth; {type(backbone).__name__} "
    if not hasattr(backbone, "get_layer_depth"):
        raise TypeError(
            f"{needs}of {type(model).__name__} has none. Use that of MMPretrain "
            "(type='mmpretrain.VisionTransformer'), or leave out optim_wrapper.constructor"
        )

    def depth(name: str) -> tuple[int, int]:
        try:
            return backbone.get_layer_depth(name, "backbone.")
        except NotImplementedError as error:  # MMPretrain's ResNet of 18 or 34 layers
            raise TypeError(f"{needs}does not tell it for its depth") from error

    return depth
