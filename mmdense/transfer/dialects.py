"""All dialects: tables of names, and nothing else.

Every table translates into the names of one dialect of its family, the canonical one, and so into
every other: n tables give n * n ways.
"""

from mmdense.transfer.efficientnet_dialects import (
    NUMBERED_EFFICIENTNET,
    TIMM_EFFICIENTNET,
)
from mmdense.transfer.resnet_dialects import (
    DETECTRON2_RESNET,
    MMPRETRAIN_DEEP_STEM_RESNET,
    POOLED_SHORTCUT_RESNET,
    RESNET,
    SEQUENTIAL_RESNET,
    TIMM_DEEP_STEM_RESNET,
    TIMM_POOLED_SHORTCUT_RESNET,
)
from mmdense.transfer.swin_dialects import MM_SWIN, SWIN, TIMM_SWIN, TORCHVISION_SWIN
from mmdense.transfer.vit_dialects import (
    CHUNKED_VIT,
    MMPRETRAIN_VIT,
    MMSEG_VIT,
    TIMM_VIT,
    TORCHVISION_VIT,
)

__all__ = ["DIALECTS"]

# Of two dialects whose marks are all there, the first one is meant.
DIALECTS = (
    *(CHUNKED_VIT, TIMM_VIT, MMPRETRAIN_VIT, MMSEG_VIT, TORCHVISION_VIT),
    *(SWIN, TIMM_SWIN, MM_SWIN, TORCHVISION_SWIN),
    *(TIMM_EFFICIENTNET, NUMBERED_EFFICIENTNET),
    *(TIMM_POOLED_SHORTCUT_RESNET, TIMM_DEEP_STEM_RESNET, MMPRETRAIN_DEEP_STEM_RESNET),
    *(POOLED_SHORTCUT_RESNET, RESNET, SEQUENTIAL_RESNET, DETECTRON2_RESNET),
)
