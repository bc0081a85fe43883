"""What the parts of a self-supervised model give out in a training step, view by view.

Letters: B images, V views, D channels of an output that was pooled to one vector an image.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

__all__ = [
    "Parts",
    "Tap",
    "as_vectors",
    "find_parts",
    "last_free_norm",
    "method_name",
    "split_views",
]

# Necks of these models rebuild pictures, and their backbones see masked ones: only the encoder
# counts, and of what it returns the tokens come first.
_ENCODER_ONLY = {
    *("MAE", "SimMIM", "BEiT", "CAE", "EVA", "MaskFeat", "MILAN", "MixMIM", "MFF", "SparK"),
    *("iTPN",),
}
_HINT = "CollapseHook takes the names of backbone, projector and predictor"
# How the rows of one call of the projector belong to views, where not every view is a call.
_LAYOUTS = {"SimCLR": "interleaved", "SwAV": "concatenated"}


class Parts(NamedTuple):
    """The modules that are watched.

    Attributes:
        backbone: Gives features f.
        projector: Gives z; the backbone itself where the model has no projector.
        predictor: Gives p, or None; of several, the first.
        layout: How views lie in the projector's output: "calls" (a call a view, or one view
            alone), "interleaved" (a1 b1 a2 b2 in one call) or "concatenated" (a1 a2 b1 b2).
        encoder_only: Whether the projector is the backbone of a model without one.
        predictors: All that may give p: where a head has heads of its own, those of each.
    """

    backbone: nn.Module
    projector: nn.Module
    predictor: nn.Module | None
    layout: str
    encoder_only: bool
    predictors: tuple[nn.Module, ...] = ()


def find_parts(
    model: nn.Module,
    *,
    backbone: str = "backbone",
    projector: str | None = None,
    predictor: str | None = None,
    layout: str | None = None,
) -> Parts:
    """The parts of a model of MMPretrain, or of any other by their names.

    Args:
        model: Not wrapped.
        backbone: Dotted name.
        projector: Dotted name; default "neck", and the backbone of models that rebuild pictures.
        predictor: Dotted name; default "head.predictor" where there is one, else every
            "head.heads.<name>.predictor".
        layout: See :class:`Parts`; default by the class of the model.

    Raises:
        ValueError: A part that was named, or the backbone or neck, is not there; the message lists
            what is.
    """
    kind = type(model).__name__
    encoder_only = projector is None and (kind in _ENCODER_ONLY or not hasattr(model, "neck"))
    of_backbone = _module(model, backbone, "backbone")
    of_projector = of_backbone if encoder_only else _module(model, projector or "neck", "projector")
    names = _predictor_names(model) if predictor is None else [predictor]
    predictors = tuple(_module(model, name, "predictor") for name in names)
    if encoder_only:
        predictors = ()
    return Parts(
        of_backbone,
        of_projector,
        next(iter(predictors), None),
        layout or _LAYOUTS.get(kind, "calls"),
        encoder_only,
        predictors,
    )


def _predictor_names(model: nn.Module) -> list[str]:
    head = getattr(model, "head", None)
    if isinstance(getattr(head, "predictor", None), nn.Module):
        return ["head.predictor"]
    heads = getattr(head, "heads", None)
    if not isinstance(heads, nn.ModuleDict):
        return []
    return [
        f"head.heads.{name}.predictor"
        for name, one in heads.items()
        if isinstance(getattr(one, "predictor", None), nn.Module)
    ]


def method_name(model: nn.Module) -> str:
    """Classes of a model and its head, such as "SimSiam with LatentPredictHead"."""
    head = getattr(model, "head", None)
    name = type(model).__name__
    return f"{name} with {type(head).__name__}" if isinstance(head, nn.Module) else name


class Tap:
    """Keeps what a module gives out in a step, one tensor a call, and on request its gradient.

    Args:
        module: Watched until :meth:`close`.
        role: "projector" or "predictor"; for messages.
        inputs: Keep what goes in instead.

    Attributes:
        outputs: Of the calls of this step.
        sources: What went into each call, without its gradient; None where not vectors.
        learning: Whether what went in carries a gradient on, to the encoder.
        gradients: The same for the loss's gradients on them, after its backward pass; None where
            they were not asked for, or the output is not one vector an image.
        with_gradients: Whether to keep gradients.
    """

    def __init__(self, module: nn.Module, role: str, *, inputs: bool = False) -> None:
        self._role, self._inputs = role, inputs
        self._handle = module.register_forward_hook(self._keep)
        self.with_gradients = False
        self.clear()

    def clear(self) -> None:
        """Forget the last step."""
        self.outputs: list[Tensor] = []
        self.sources: list[Tensor | None] = []
        self.learning: list[bool] = []
        self.gradients: list[Tensor | None] = []

    def close(self) -> None:
        """Watch no more."""
        self._handle.remove()
        self.clear()

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        # Activation checkpointing calls the module again inside the backward pass.
        if not module.training or torch._C._current_graph_task_id() != -1:
            return
        seen = _raw(inputs if self._inputs else output)
        vectors = as_vectors(seen, of=self._role, first=True)  # [B, D]
        place = len(self.outputs)
        self.outputs.append(vectors.detach())
        source = _source(inputs)
        # Maps are not kept, which may be large; what a predictor takes are vectors.
        kept = None if source is None or source.ndim != 2 else source.detach()
        self.sources.append(kept)
        self.learning.append(source is None or source.requires_grad)
        self.gradients.append(None)
        if self.with_gradients and seen.requires_grad and seen.ndim == 2:
            gradients = self.gradients
            seen.register_hook(lambda gradient: gradients.__setitem__(place, gradient.detach()))


def as_vectors(output: Any, *, of: str, first: bool = False) -> Tensor:
    """One vector an image from what a module returned, [B, D].

    Args:
        output: A tensor or a sequence of them: vectors [B, D], a map [B, D, H, W] or tokens
            [B, L, D], which are averaged over positions.
        of: Which module it was, "backbone", "projector" or "predictor", for the message.
        first: Take the first of a sequence, else the last.

    Raises:
        ValueError: It is none of these.
    """
    tensor = _raw(output, first=first)
    if not isinstance(tensor, Tensor):
        raise ValueError(f"the {of} returned {type(tensor).__name__}, expected a tensor; {_HINT}")
    if tensor.ndim == 4:
        return tensor.mean(dim=(2, 3))  # [B, D]
    if tensor.ndim == 3:
        return tensor.mean(dim=1)  # [B, D]
    if tensor.ndim == 2:
        return tensor
    raise ValueError(
        f"the {of} returned {tuple(tensor.shape)}, which gives no vector an image: expected "
        f"[B, D], [B, L, D] or [B, D, H, W]; {_HINT}"
    )


def split_views(outputs: Sequence[Tensor], layout: str, images: int) -> list[Tensor]:
    """One tensor a view, [B, D] each.

    Args:
        outputs: What the projector gave in one step, one tensor a call.
        layout: See :class:`Parts`.
        images: B, of this process.

    Raises:
        ValueError: Rows and images do not go together.
    """
    if layout == "calls":
        return list(outputs)
    if len(outputs) != 1 or len(outputs[0]) % images:
        raise ValueError(
            f"views={layout!r} expects one call with a multiple of {images} rows, found "
            f"{[len(output) for output in outputs]}; set views='calls' where each view is a call"
        )
    rows = outputs[0]
    if layout == "interleaved":
        return list(rows.unflatten(0, (images, -1)).unbind(dim=1))
    return list(rows.split(images))


def last_free_norm(projector: nn.Module) -> nn.Module | None:
    """The BatchNorm without affine weights that ends a projector, where one does.

    It gives each channel a batch mean of zero and a variance of one, whatever goes in.
    """
    leaves = [module for module in projector.modules() if not list(module.children())]
    weighted = [
        module
        for module in leaves
        if isinstance(module, nn.modules.batchnorm._BatchNorm)
        or next(module.parameters(recurse=False), None) is not None
    ]
    last = weighted[-1] if weighted else None
    free = isinstance(last, nn.modules.batchnorm._BatchNorm) and not last.affine
    return last if free else None


def _raw(output: Any, *, first: bool = True) -> Any:
    while isinstance(output, tuple | list) and output:
        output = output[0 if first else -1]
    return output


def _source(inputs: Any) -> Tensor | None:
    """The first tensor of what a module was called with; None where there is none."""
    while isinstance(inputs, tuple | list) and inputs:
        inputs = inputs[0]
    return inputs if isinstance(inputs, Tensor) else None


def _module(model: nn.Module, name: str, role: str) -> nn.Module:
    found: Any = model
    for part in name.split("."):
        found = getattr(found, part, None)
    if isinstance(found, nn.Module):
        return found
    names = [child for child, _ in model.named_modules() if child and child.count(".") < 2]
    raise ValueError(
        f"{role}={name!r}: {type(model).__name__} has no such module; it has {', '.join(names)}"
    )
