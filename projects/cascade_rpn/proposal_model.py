"""A trained detector for those who want its proposals only: its weights, its head, its export."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmdet.models.dense_heads import RPNHead
from mmengine.config import Config
from torch import Tensor, nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.trained_model import load_trained
from mmdense.evaluation.proposing_head import proposing_head
from projects.cascade_rpn.cascade_rpn_head import CascadeRPNHead

__all__ = ["check_meta", "check_target", "export_onnx", "load_detector", "proposal_head"]


def load_detector(cfg: Config, checkpoint: str) -> Any:
    """The detector of a config with its weights, in eval mode; those of a ``roi_head`` may lack.

    Raises:
        FileNotFoundError: There is no such checkpoint.
        ValueError: Weights are missing, unknown, or of another shape; the message lists them.
    """
    return load_trained(cfg, checkpoint, without=("roi_head.",))


def proposal_head(detector: Any) -> Any:
    """The head that proposes regions, of a kind whose stages and anchors the tools know.

    Raises:
        ValueError: The detector has none.
    """
    head = proposing_head(detector)
    if not isinstance(head, CascadeRPNHead | RPNHead):
        raise ValueError(
            f"{type(detector).__name__} proposes by {type(head).__name__}; a detector with "
            "mmdense.CascadeRPNHead or mmdet.RPNHead is needed"
        )
    return head


def check_target(file: Path) -> None:
    """Refuse a file that could not be written, before the work that is to fill it.

    Raises:
        OSError: It is a folder, or its folder is none or may not be written to.
    """
    if file.is_dir():
        raise IsADirectoryError(f"--out {file} is a folder; name a file in it")
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"--out {file}: {folder} is no folder; name another place")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"--out {file}: {folder} may not be written to; name another place")


def check_meta(metainfo: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    """Refuse an image whose pipeline does not tell what boxes of the original need.

    Raises:
        ValueError: A key is missing.
    """
    if missing := [key for key in needed if key not in metainfo]:
        raise ValueError(
            f"the pipeline gives no {' and no '.join(missing)}; it needs mmdet.Resize, and "
            f"{', '.join(needed)} in meta_keys of mmdet.PackDetInputs"
        )


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
        file: to write, whole or not at all; its folder is made.
        size: (H, W) of the image, which the model is made for.
        opset: of the standard; 16 is the first with GridSample.

    Raises:
        OSError: it cannot be written.
        ValueError: the head is not a ``CascadeRPNHead``, or a part of the detector has an operator
            that is none of the standard.
    """
    head = proposal_head(detector)
    if not isinstance(head, CascadeRPNHead):
        raise ValueError(f"only mmdense.CascadeRPNHead is exported, not {type(head).__name__}")
    image = torch.zeros(1, 3, *size, device=next(detector.parameters()).device)
    program = torch.onnx.export(
        _ProposalModel(detector, head).eval(),
        (image,),
        input_names=["image"],
        output_names=["boxes", "scores"],
        dynamo=True,
        opset_version=opset,
        verbose=False,
    )
    assert program is not None  # of dynamo=True without a file
    model = program.model_proto
    if foreign := sorted({f"{one.domain}.{one.op_type}" for one in model.graph.node if one.domain}):
        raise ValueError(
            f"the model needs {', '.join(foreign)}, which the ONNX standard has not; take a "
            "backbone and a neck of operators of the standard"
        )
    write_atomically(model.SerializeToString(), file)
