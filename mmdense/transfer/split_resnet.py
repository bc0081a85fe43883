"""A ResNet in two places: a C4 detector has its last stage in the RoI head.

MMDetection builds stages 1 to 3 as ``backbone`` and stage 4 as ``roi_head.shared_head``. Loading
the backbone alone would leave that stage random without a message. Joined, both have the keys of a
whole ResNet, and are loaded or refused together.
"""

import re
from typing import Any

from torch import Tensor, nn

__all__ = ["SplitResNet", "join_stages"]

_STAGE = re.compile(r"layer\d+")


class SplitResNet(nn.Module):
    """The parts of a ResNet under the names that they have in a whole one.

    The parts are shared, not copied: loading here loads there. Other modules of the head, such as a
    norm behind the stage, are not part of a ResNet and keep their values.

    Args:
        backbone: MMDetection's ``ResNet`` without its last stage.
        head: Its ``ResLayer`` with that stage.

    Raises:
        ValueError: A stage is in both, or they stride in different places (``style``).
    """

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        stages = _stages(head)
        self.style = getattr(backbone, "style", None)  # compared with that of the checkpoint
        for name, stage in stages.items():
            if hasattr(backbone, name):
                raise ValueError(
                    f"{name} is in model.backbone and in model.roi_head.shared_head; set "
                    "backbone.num_stages to the number of stages before it"
                )
            styles = {getattr(block, "style", self.style) for block in stage.children()}
            if styles - {self.style}:
                raise ValueError(
                    f"model.backbone has style={self.style!r} and model.roi_head.shared_head has "
                    f"{', '.join(sorted(map(repr, styles)))}; set both to the style of the "
                    "checkpoint ('pytorch' for torchvision's ResNet)"
                )
        for name, part in (*backbone.named_children(), *stages.items()):
            self.add_module(name, part)
        self._order = (backbone, *stages.values())  # a tuple: not registered a second time

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The map of the last stage of a ResNet-50, [N, 2048, H / 32, W / 32] of [N, 3, H, W]."""
        backbone, *stages = self._order
        x = backbone(images)[-1]  # [N, 1024, H / 16, W / 16]
        for stage in stages:
            x = stage(x)  # [N, 2048, H / 32, W / 32]
        return (x,)


def join_stages(backbone: nn.Module, model: Any) -> nn.Module:
    """Join the backbone of a model with the last stage, if the RoI head has it.

    Returns the backbone itself for other models, and for ``None``.
    """
    head = getattr(getattr(model, "roi_head", None), "shared_head", None)
    if getattr(model, "backbone", None) is not backbone or not isinstance(head, nn.Module):
        return backbone
    return SplitResNet(backbone, head) if _stages(head) else backbone


def _stages(head: nn.Module) -> dict[str, nn.Module]:
    return {name: part for name, part in head.named_children() if _STAGE.fullmatch(name)}
