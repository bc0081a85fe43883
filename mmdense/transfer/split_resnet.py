"""A ResNet in two places: a detector of the C4 kind keeps the last stage in its RoI head.

MMDetection builds stages 1 to 3 as ``backbone`` and stage 4 as ``roi_head.shared_head``. Who fills
the backbone only leaves that stage at random, and nothing says so. Put together, both have the
names of a whole ResNet, and are filled or refused as one.
"""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor, nn

__all__ = ["SplitResNet", "join_stages"]

_STAGE = re.compile(r"layer\d+")


class SplitResNet(nn.Module):
    """The parts of a ResNet under the names that they have in a whole one.

    The parts are shared, not copied: what is loaded here is loaded there. Whatever else the head
    holds, such as a norm behind the stage, is no part of a ResNet and stays as it is.

    Args:
        backbone: of MMDetection's ``ResNet``, without its last stage.
        head: its ``ResLayer``, with that stage.

    Raises:
        ValueError: a stage stands in both, or they stride in different places (``style``).
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        stages = _stages(head)
        for name in stages:
            if hasattr(backbone, name):
                raise ValueError(
                    f"{name} stands in model.backbone and in model.roi_head.shared_head; set "
                    "backbone.num_stages to the stages before it"
                )
        self.style = getattr(backbone, "style", None)  # read by the check of meanings
        for stage in stages.values():
            _check_style(self.style, stage)
        for name, part in (*backbone.named_children(), *stages.items()):
            self.add_module(name, part)
        self._order = (backbone, *stages.values())  # a tuple: not registered a second time

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The map of the last stage, [N, 2048, H / 32, W / 32] of a ResNet-50.

        Args:
            images: [N, 3, H, W].
        """
        backbone, *stages = self._order
        x = backbone(images)[-1]  # [N, 1024, H / 16, W / 16]
        for stage in stages:
            x = stage(x)  # [N, 2048, H / 32, W / 32]
        return (x,)


def join_stages(backbone: nn.Module, model: Any) -> nn.Module:
    """Put the backbone of a model together with the last stage, if the RoI head keeps it.

    Args:
        backbone: to be filled.
        model: which it is part of, or ``None``.

    Returns:
        The backbone itself, or a :class:`SplitResNet`.

    Raises:
        ValueError: see :class:`SplitResNet`.
    """
    head = getattr(getattr(model, "roi_head", None), "shared_head", None)
    if getattr(model, "backbone", None) is not backbone or not isinstance(head, nn.Module):
        return backbone
    return SplitResNet(backbone, head) if _stages(head) else backbone


def _stages(head: nn.Module) -> dict[str, nn.Module]:
    return {name: part for name, part in head.named_children() if _STAGE.fullmatch(name)}


def _check_style(style: str | None, stage: nn.Module) -> None:
    found = {getattr(block, "style", style) for block in stage.children()}
    if found - {style}:
        raise ValueError(
            f"model.backbone has style={style!r} and model.roi_head.shared_head has "
            f"{', '.join(sorted(map(repr, found)))}: one ResNet strides in one place; give both "
            "the style of the checkpoint ('pytorch' for torchvision's ResNet)"
        )
