"""EfficientNet-Lite0, by any of its names, computes the same in a detector's backbone."""

import mmdense  # noqa: F401 (first: torchvision and mmpretrain import what it supplies)

# isort: split
import pytest
import timm
import torch
from mmpretrain.models import TIMMBackbone

from mmdense.transfer.backbone import load_backbone
from tests.mmdense.transfer.transfer_cases import saved
from tests.references.published_weights import numbered_efficientnet


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0")
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize("names", ["timm", "numbered"])
def test_the_features_are_those_of_the_source(tmp_path, whole, names):
    weights = whole.state_dict()
    if names == "numbered":
        weights = numbered_efficientnet(weights)
    target = TIMMBackbone("tf_efficientnet_lite0", features_only=True)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    assert {entry.status for entry in report.entries} == {"matched", "not needed"}
    target.train(False)
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        last = target(images)[-1]
        expected = whole.forward_features(images)
        found = whole.bn2(whole.conv_head(last))
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_deeper_one_is_refused(tmp_path, whole):
    weights = numbered_efficientnet(whole.state_dict())
    weights["_blocks.16._project_conv.weight"] = torch.zeros(1)
    with pytest.raises(ValueError, match="left over: _blocks.16._project_conv.weight"):
        load_backbone(
            TIMMBackbone("tf_efficientnet_lite0", features_only=True), saved(tmp_path, weights)
        )
