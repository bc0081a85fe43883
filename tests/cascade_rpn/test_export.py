import onnx
import onnxruntime
import pytest
import torch

from tests.cascade_rpn.small_head import build_head, features, stage

CASES = {
    "published": {},
    "three stages, five by five": {
        "stages": [
            stage("dilated", False, bridged=True),
            stage("adaptive", False, bridged=True),
            stage(adapt={"type": "adaptive", "kernel_size": 5, "groups": 2, "bias": True}),
        ],
        "train_cfg": None,
    },
    "several anchors": {"ratios": (0.5, 1.0, 2.0)},
    "learned offsets": {"stages": [stage("none", False), stage("learned")]},
}


@pytest.mark.parametrize("name", CASES)
def test_exports_to_standard_operators_with_equal_results(name, tmp_path):
    from tests.cascade_rpn.small_head import IOU, REGION

    options = dict(CASES[name])
    if "train_cfg" in options:
        options["train_cfg"] = [REGION] + [IOU] * (len(options["stages"]) - 1)
    head = build_head(**options, std=0.05).eval()
    maps = features(images=1)
    file = tmp_path / "head.onnx"
    torch.onnx.export(head, (maps,), file, dynamo=True, opset_version=18, verbose=False)
    model = onnx.load(file)
    assert {node.domain for node in model.graph.node} == {""}
    if name != "learned offsets":
        assert "GridSample" in {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [argument.name for argument in session.get_inputs()]
    results = session.run(None, dict(zip(names, (level.numpy() for level in maps))))
    with torch.no_grad():
        expected = head(maps)
    for ours, theirs in zip(expected, results):
        torch.testing.assert_close(torch.from_numpy(theirs), ours, atol=1e-4, rtol=1e-4)
