"""Load a detector for its proposals, find its head, and export it to ONNX."""

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
from mmdense.evaluation.proposal_recall import proposing_head
from projects.cascade_rpn.cascade_rpn_head import CascadeRPNHead

__all__ = ["check_meta", "check_target", "export_onnx", "load_detector", "proposal_head"]


def load_detector(cfg: Config, checkpoint: str) -> Any:
    """Return the detector of a config in eval mode; weights of a ``roi_head`` are optional."""
    return load_trained(cfg, checkpoint, without=("roi_head.",))


def proposal_head(detector: Any) -> Any:
    """Return the head that makes proposals, a ``CascadeRPNHead`` or an ``RPNHead``.

    Raises:
        ValueError: The detector has no such head.
    """
    head = proposing_head(detector)
    if not isinstance(head, CascadeRPNHead | RPNHead):
        raise ValueError(
            f"the rpn_head of {type(detector).__name__} is {type(head).__name__}, expected "
            "mmdense.CascadeRPNHead or mmdet.RPNHead"
        )
    return head


def check_target(file: Path) -> None:
    """Raise an OSError if an output is a folder, or its folder is a file or is not writable."""
    if file.is_dir():
        raise IsADirectoryError(f"--out {file} is a folder; pass a file")
    folder = next(parent for parent in file.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"--out {file}: {folder} is not a folder; pass another path")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"--out {file}: {folder} is not writable; pass another path")


def check_meta(metainfo: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    """Raise a ValueError if the meta data of an image lack a key to convert its boxes."""
    if missing := [key for key in needed if key not in metainfo]:
        raise ValueError(
            f"the pipeline does not set {', '.join(missing)}. It needs mmdet.Resize, and "
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
    """Export backbone, neck and RPN of a detector to ONNX, with standard operators only.

    The input is ``image`` [1, 3, H, W], normalised as in the ``data_preprocessor``. The outputs are
    ``boxes`` [1, L, 4] in pixels and ``scores`` [1, L] of all anchors, before NMS.

    Args:
        detector: in eval mode.
        file: output file; its folder is created.
        size: (H, W) of the image, fixed in the model.
        opset: ONNX opset; 16 is the first with GridSample.

    Raises:
        ValueError: the head is not a ``CascadeRPNHead``, or the detector has a non-standard
            operator.
    """
    head = proposal_head(detector)
    if not isinstance(head, CascadeRPNHead):
        raise ValueError(f"only mmdense.CascadeRPNHead is supported, found {type(head).__name__}")
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
    assert program is not None  # with dynamo=True
    model = program.model_proto
    if foreign := sorted({f"{one.domain}.{one.op_type}" for one in model.graph.node if one.domain}):
        raise ValueError(
            f"the model has operators that are not in the ONNX standard: {', '.join(foreign)}. Use "
            "a backbone and a neck with standard operators"
        )
    write_atomically(model.SerializeToString(), file)
