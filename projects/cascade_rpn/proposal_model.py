"""A trained detector for those who want its proposals only: its weights, its head, its export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from mmdet.models.dense_heads import RPNHead
from mmengine.device import get_device
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from mmdense.checkpoints.read import read_checkpoint, state_dict_of
from projects.cascade_rpn.cascade_rpn_head import CascadeRPNHead

__all__ = ["export_onnx", "load_detector", "proposal_head"]


def load_detector(cfg: Any, checkpoint: str) -> Any:
    """The detector of a config with its weights, in eval mode; those of a ``roi_head`` may lack.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: Weights are missing, unknown, or of another shape; the message lists them.
    """
    init_default_scope(cfg.get("default_scope") or "mmdet")
    detector = MODELS.build(cfg.model)
    weights = state_dict_of(read_checkpoint(checkpoint), checkpoint)
    part = {name: weight for name, weight in weights.items() if not name.startswith("roi_head.")}
    try:
        missing, unknown = detector.load_state_dict(part, strict=False)
    except RuntimeError as error:  # torch lists every weight of another shape
        raise ValueError(f"{checkpoint} is not of {cfg.filename}: {error}") from error
    missing = [name for name in missing if not name.startswith("roi_head.")]
    for what, names in (("lacks", missing), ("has besides", unknown)):
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise ValueError(
                f"{checkpoint} {what} {len(names)} weights of the model of {cfg.filename}: "
                f"{shown}; is it the checkpoint of this config?"
            )
    return detector.to(get_device()).eval()


def proposal_head(detector: Any) -> Any:
    """The head that proposes regions.

    Raises:
        ValueError: The detector has none that the tools know.
    """
    head = getattr(detector, "rpn_head", None)
    head = getattr(detector, "bbox_head", None) if head is None else head
    if not isinstance(head, CascadeRPNHead | RPNHead):
        raise ValueError(
            f"{type(detector).__name__} proposes by {type(head).__name__}; a detector with an "
            "rpn_head is needed, mmdense.CascadeRPNHead or mmdet.RPNHead"
        )
    return head


class _ProposalModel(nn.Module):
    """Backbone, neck and head: from a normalised image [N, 3, H, W] to boxes and scores."""

    def __init__(self, detector: Any, head: CascadeRPNHead) -> None:
        super().__init__()
        self.detector, self.head = detector, head

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.head(self.detector.extract_feat(image))


def export_onnx(detector: Any, file: Path, *, size: tuple[int, int], opset: int = 18) -> None:
    """Write the proposal part of a detector as ONNX, with operators of the standard only.

    The model takes ``image`` [1, 3, H, W], normalised as by the ``data_preprocessor``, and gives
    ``boxes`` [1, L, 4] in pixels and ``scores`` [1, L] of all anchors, before NMS.

    Args:
        detector: with a ``CascadeRPNHead``, in eval mode.
        file: to write.
        size: (H, W) of the image, which the model is made for.
        opset: of the standard; 16 is the first with GridSample.

    Raises:
        ValueError: the head is not a ``CascadeRPNHead``.
    """
    head = proposal_head(detector)
    if not isinstance(head, CascadeRPNHead):
        raise ValueError(f"only mmdense.CascadeRPNHead is exported, not {type(head).__name__}")
    image = torch.zeros(1, 3, *size, device=next(detector.parameters()).device)
    torch.onnx.export(
        _ProposalModel(detector, head).eval(),
        (image,),
        file,
        input_names=["image"],
        output_names=["boxes", "scores"],
        dynamo=True,
        opset_version=opset,
        verbose=False,
        external_data=False,
    )
