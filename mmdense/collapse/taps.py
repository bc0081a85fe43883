"""Outputs of the modules of a self-supervised model in a training step, for each view.

Letters: B images, V views, D channels of an output that is pooled to one vector an image.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

# The necks of these models reconstruct images, and their backbones get masked images. Only the
# encoder is watched; the first of its outputs are the tokens.
_ENCODER_ONLY = {
    *("MAE", "SimMIM", "BEiT", "CAE", "EVA", "MaskFeat", "MILAN", "MixMIM", "MFF", "SparK"),
    *("iTPN",),
}
_HINT = "set the names of backbone, projector and predictor in CollapseHook"
# Order of the views in the rows of one call of the projector, if each view is not a call.
_LAYOUTS = {"SimCLR": "interleaved", "SwAV": "concatenated"}


class Parts(NamedTuple):
    """The modules that are watched.

    Attributes:
        backbone: Returns features f.
        projector: Returns z; the backbone itself if the model has no projector.
        predictor: Returns p; the first of several; None without a predictor.
        layout: Order of the views in the output of the projector: "calls" (one call for each
            view), "interleaved" (a1 b1 a2 b2 in one call) or "concatenated" (a1 a2 b1 b2).
        encoder_only: Whether the projector is the backbone.
        predictors: All predictors, also those of the heads of a ``mmdense.PhasedHead``.
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
    """Return the modules of a model of MMPretrain, or of any other model by their names.

    Args:
        model: Without a wrapper such as DDP.
        backbone: Dotted name.
        projector: Dotted name. Default: "neck", or the backbone for models that reconstruct images.
        predictor: Dotted name. Default: "head.predictor" if there is one, else all
            "head.heads.<name>.predictor".
        layout: See :class:`Parts`. Default: ``layout_of_views`` of the model, or what is known of
            its class.

    Raises:
        ValueError: A module does not exist; the message lists those that do.
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
        layout or getattr(model, "layout_of_views", None) or _LAYOUTS.get(kind, "calls"),
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
    """Return the classes of a model and its head, such as "SimSiam with LatentPredictHead"."""
    head = getattr(model, "head", None)
    name = type(model).__name__
    return f"{name} with {type(head).__name__}" if isinstance(head, nn.Module) else name


class Tap:
    """Keeps the outputs of a module in a step, one tensor a call, and optionally their gradients.

    Args:
        module: Watched until :meth:`close`.
        role: "projector" or "predictor"; for messages.
        inputs: Keep the inputs instead of the outputs.
        in_training: Keep the calls in train mode; otherwise those in eval mode.

    Attributes:
        outputs: One for each call of this step.
        sources: Input of each call, detached; None if it is not [B, D].
        learning: Whether the input of each call passes a gradient to the encoder.
        gradients: Gradient of the loss on each output, after the backward pass; None if it was not
            requested, or if the output is not [B, D].
        with_gradients: Whether to keep gradients.
    """

    def __init__(
        self, module: nn.Module, role: str, *, inputs: bool = False, in_training: bool = True
    ) -> None:
        self._role, self._inputs, self._in_training = role, inputs, in_training
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
        """Remove the forward hook."""
        self._handle.remove()
        self.clear()

    def _keep(self, module: nn.Module, inputs: Any, output: Any) -> None:
        # Skip the second call of activation checkpointing, inside the backward pass.
        if module.training != self._in_training or torch._C._current_graph_task_id() != -1:
            return
        seen = _raw(inputs if self._inputs else output)
        vectors = as_vectors(seen, of=self._role, first=True)  # [B, D]
        place = len(self.outputs)
        self.outputs.append(vectors.detach())
        source = _raw(inputs)
        known = isinstance(source, Tensor)
        # Inputs of a predictor are vectors; feature maps would need much memory.
        self.sources.append(source.detach() if known and source.ndim == 2 else None)
        self.learning.append(not known or source.requires_grad)
        self.gradients.append(None)
        if self.with_gradients and seen.requires_grad and seen.ndim == 2:
            gradients = self.gradients
            seen.register_hook(lambda gradient: gradients.__setitem__(place, gradient.detach()))


def as_vectors(output: Any, *, of: str, first: bool = False) -> Tensor:
    """Return one vector an image from the output of a module, [B, D].

    Args:
        output: A tensor or a sequence of tensors: vectors [B, D], a map [B, D, H, W] or tokens
            [B, L, D]; the latter two are averaged over positions.
        of: "backbone", "projector" or "predictor", for the message.
        first: Use the first tensor of a sequence instead of the last.

    Raises:
        ValueError: The output is none of these.
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
        f"the {of} returned shape {tuple(tensor.shape)}, expected [B, D], [B, L, D] or "
        f"[B, D, H, W]; {_HINT}"
    )


def split_views(outputs: Sequence[Tensor], layout: str, images: int) -> list[Tensor]:
    """Return one tensor for each view, [B, D].

    Args:
        outputs: Outputs of the projector in one step, one tensor a call.
        layout: See :class:`Parts`.
        images: B, of this process.

    Raises:
        ValueError: The number of rows does not match the number of images.
    """
    if layout == "calls":
        return list(outputs)
    if len(outputs) != 1 or len(outputs[0]) % images:
        raise ValueError(
            f"CollapseHook.views={layout!r} expects one call with a multiple of {images} rows, "
            f"found {[len(output) for output in outputs]}; set 'calls' if each view is a call"
        )
    rows = outputs[0]
    if layout == "interleaved":
        return list(rows.unflatten(0, (images, -1)).unbind(dim=1))
    return list(rows.split(images))


def last_free_norm(projector: nn.Module) -> nn.Module | None:
    """Return the BatchNorm without affine weights at the end of a projector, or None."""
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
