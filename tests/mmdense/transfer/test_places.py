"""A backbone that holds another model: MMPretrain's TIMMBackbone, with registers too."""

import mmdense  # noqa: F401 (first: torchvision and mmpretrain import what it supplies)

# isort: split
import timm
import torch
from mmpretrain.models import TIMMBackbone

from mmdense.transfer.backbone import load_backbone
from mmdense.transfer.places import dialect_behind
from tests.mmdense.transfer.transfer_cases import saved

NAME = "vit_small_patch14_reg4_dinov2"
SMALL = {"img_size": 56, "embed_dim": 48, "depth": 2, "num_heads": 3}


def test_what_stands_before_all_names_is_no_part_of_them():
    names = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight"]
    alone = dialect_behind(names)
    assert alone[0] == ""
    assert alone[1].family == "resnet"
    assert dialect_behind([f"a.b.{name}" for name in names]) == ("a.b.", alone[1])
    assert dialect_behind(["a.b.weight", "a.b.bias"]) == ("", None)
    assert dialect_behind([]) == ("", None)


def test_registers_and_their_positions_reach_a_backbone_of_timm(tmp_path):
    torch.manual_seed(0)
    source = timm.create_model(NAME, num_classes=0, **SMALL).eval()
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    weights = dict(source.state_dict())
    # As DINOv2 publishes it: registers by its name, and a position of the class token.
    weights["register_tokens"] = weights.pop("reg_token")
    own = torch.randn(1, 1, 48)
    weights["pos_embed"] = torch.cat([own, weights["pos_embed"]], dim=1)
    weights["cls_token"] = weights["cls_token"] - own
    target = TIMMBackbone(NAME, features_only=True, out_indices=(1,), **SMALL)
    report = load_backbone(target, saved(tmp_path, weights))
    assert report.covered == 1
    assert "timm_model.model.reg_token" in {entry.name for entry in report.entries}
    target.train(False)
    images = torch.randn(2, 3, 56, 56)
    with torch.no_grad():
        (found,) = target(images)
        expected = source.forward_intermediates(images, indices=[1], intermediates_only=True)[0]
        source.reg_token.neg_()
        without = source.forward_intermediates(images, indices=[1], intermediates_only=True)[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    assert not torch.allclose(found, without, rtol=1e-5, atol=1e-5)
