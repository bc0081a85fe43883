"""The image vector and the patch vectors of any backbone of MMPretrain.

Letters: B images, D channels, N = H W patches, E further tokens (class token, registers).
"""

import inspect
from typing import Any, NamedTuple

from torch import Tensor, nn

__all__ = ["Tokens", "tokens_of"]


class Tokens(NamedTuple):
    """The output of a backbone.

    Attributes:
        image: The class token, or None if the backbone has none. [B, D]
        patches: In the order of rows, then columns; None if the backbone returns none. [B, N, D]
        grid: H and W.
    """

    image: Tensor | None
    patches: Tensor | None
    grid: tuple[int, int]


def tokens_of(backbone: nn.Module, images: Tensor) -> Tokens:
    """Return the tokens of images.

    Transformers return them with ``out_type="raw"``; other backbones return a map [B, D, H, W].

    Args:
        backbone: Of MMPretrain; its last output counts.
        images: [B, 3, h, w]

    Raises:
        ValueError: The output has another form.
    """
    # Masked image models of MMPretrain process the whole image if mask is None.
    whole = {"mask": None} if "mask" in inspect.signature(backbone.forward).parameters else {}
    output: Any = backbone(images, **whole)
    while isinstance(output, tuple | list):
        output = output[-1]
    if output.ndim == 4:
        height, width = output.shape[-2:]
        return Tokens(None, output.flatten(2).mT, (height, width))
    if output.ndim == 2:
        return Tokens(output, None, (0, 0))
    extra = int(getattr(backbone, "num_extra_tokens", 0))
    height, width = _grid(backbone, images)
    if output.ndim != 3 or output.shape[1] != extra + height * width:
        raise ValueError(
            f"{type(backbone).__name__} returned {tuple(output.shape)} for images of "
            f"{tuple(images.shape[-2:])} px; expected a map [B, D, H, W], or tokens [B, "
            f"{extra} + {height} x {width}, D] with out_type='raw'"
        )
    image = output[:, 0] if extra and getattr(backbone, "cls_token", None) is not None else None
    return Tokens(image, output[:, extra:], (height, width))


def _grid(backbone: nn.Module, images: Tensor) -> tuple[int, int]:
    """H and W: upstream's patch embedding pads the last row and column of patches."""
    stride = getattr(getattr(backbone.patch_embed, "projection", None), "stride", None)
    if stride is None:
        raise ValueError(f"{type(backbone).__name__} has no patch_embed.projection with a stride")
    height, width = (-(-side // step) for side, step in zip(images.shape[-2:], stride, strict=True))
    return height, width
