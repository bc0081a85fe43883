from types import SimpleNamespace

import onnx
import onnxruntime
import pytest
import torch

from projects.cascade_rpn.proposal_model import export_onnx, proposal_head
from tests.cascade_rpn.small_head import CHANNELS, IOU, REGION, STRIDES, build_head, stage

LEVELS = STRIDES[:1]
# What the head of test_proposal_tools.py, of three levels and two anchors, does not have.
STAGES = [
    stage("none", False, bridged=True),
    stage("learned", False, bridged=True),
    stage(adapt={"kind": "adaptive", "kernel_size": 5, "groups": 2, "bias": True}),
]


class Detector(torch.nn.Module):
    """A map of each level from an image, and a head on them."""

    def __init__(self, head):
        super().__init__()
        self.rpn_head = head
        self.patches = torch.nn.ModuleList(torch.nn.Conv2d(3, CHANNELS, s, s) for s in LEVELS)

    def extract_feat(self, image):
        return [patch(image) for patch in self.patches]


def test_exports_to_standard_operators_with_equal_results(tmp_path):
    head = build_head(STAGES, [REGION, IOU, IOU], strides=LEVELS, std=0.05)
    detector = Detector(head).eval()
    export_onnx(detector, tmp_path / "model.onnx", size=(64, 96))
    nodes = onnx.load(tmp_path / "model.onnx").graph.node
    assert {node.domain for node in nodes} == {""}
    assert "GridSample" in {node.op_type for node in nodes}
    session = onnxruntime.InferenceSession(
        tmp_path / "model.onnx", providers=["CPUExecutionProvider"]
    )
    image = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(0))
    results = session.run(["boxes", "scores"], {"image": image.numpy()})
    with torch.no_grad():
        expected = detector.rpn_head(detector.extract_feat(image))
    for ours, theirs in zip(expected, results):
        torch.testing.assert_close(torch.from_numpy(theirs), ours, atol=1e-4, rtol=1e-4)


def test_only_heads_that_propose_are_taken(tmp_path):
    with pytest.raises(ValueError, match="SimpleNamespace is Identity"):
        proposal_head(SimpleNamespace(rpn_head=torch.nn.Identity()))
    with pytest.raises(ValueError, match="no rpn_head"):
        proposal_head(SimpleNamespace())
