"""tools/transfer.py: a file for a config, and the check that it computes the same."""

import pytest
import torch

from mmdense.transfer.convert import convert
from tests.mmdense.transfer.transfer_cases import ARCH, PATCH_SIZES, vit
from tests.references import published_weights as published

MODEL = {"type": "mmpretrain.VisionTransformer", "arch": ARCH, **PATCH_SIZES, "out_type": "featmap"}


@pytest.fixture
def config(tmp_path):
    def write(name, preprocessor="", **more):
        path = tmp_path / f"{name}.py"
        path.write_text(f"model = dict(backbone={ {**MODEL, **more}!r})\n{preprocessor}")
        return str(path)

    return write


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(published.dino(), tmp_path / "dino.pth")
    return str(tmp_path / "dino.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("overridden", [True, False])
def test_a_converted_file_fills_the_backbone_as_it_is(
    tmp_path, checkpoint, config, suffix, overridden
):
    out = str(tmp_path / "new" / f"vit{suffix}")
    target = config("to") if overridden else config("to", img_size=20)
    overrides = {"model.backbone.img_size": 20} if overridden else None
    table, written = convert(checkpoint, target, out, None, overrides=overrides)
    assert "3 x 3 to 5 x 5 patches" in table and written == f"wrote {out}"
    init_cfg = {"type": "Pretrained", "checkpoint": out, "prefix": "backbone."}
    backbone = vit(img_size=20, init_cfg=init_cfg)  # MMEngine's own way to load
    backbone.init_weights()
    expected = published.timm_vit(seed=2)
    assert torch.equal(backbone.cls_token, expected["cls_token"])
    assert torch.equal(backbone.pos_embed[:, :1], expected["pos_embed"][:, :1])
    (table,) = convert(out, target, None, None, overrides=overrides)
    assert "resized" not in table and "100.0 %" in table


def test_features_of_source_and_target_are_compared(tmp_path, checkpoint, config):
    lines = list(convert(checkpoint, config("to"), None, config("from")))
    assert lines[-1].startswith("same features as")
    other, out = config("without", final_norm=False), tmp_path / "x.pth"
    with pytest.raises(ValueError, match="differ by .* nothing was written"):
        list(convert(checkpoint, other, str(out), config("from")))
    assert not out.exists()
    with pytest.raises(ValueError, match=r"raw.py and .*to.py: features of .* same out_type"):
        list(convert(checkpoint, config("to"), None, config("raw", out_type="raw")))


@pytest.mark.parametrize("channels", [1, 4])
def test_features_of_images_with_other_channels_are_compared(checkpoint, config, channels):
    source, target = (config(name, in_channels=channels) for name in ("from", "to"))
    assert list(convert(checkpoint, target, None, source))[-1].startswith("same features as")
    message = f"three.py and .* has 3 input channels, .* {channels}: there is no common image"
    with pytest.raises(ValueError, match=message):
        list(convert(checkpoint, target, None, config("three")))


def test_mistakes_are_named_before_anything_is_written(tmp_path, checkpoint, config):
    with pytest.raises(ValueError, match="must end in .pth or .safetensors"):
        list(convert(checkpoint, config("to"), "vit.bin", None))
    with pytest.raises(FileNotFoundError, match="absent.py"):
        list(convert(checkpoint, "absent.py", None, None))
    (tmp_path / "empty.py").write_text("a = 1")
    with pytest.raises(ValueError, match=r"has no model.backbone"):
        list(convert(checkpoint, str(tmp_path / "empty.py"), None, None))
    wide, out = config("wide", arch={**ARCH, "embed_dims": 64}), tmp_path / "x.pth"
    with pytest.raises(ValueError, match="wrong shape"):
        list(convert(checkpoint, wide, str(out), None))
    assert not out.exists()


@pytest.mark.parametrize("kind", ["", 'type="mmpretrain.ClsDataPreprocessor", '])
def test_the_normalisation_of_the_config_is_compared(tmp_path, checkpoint, config, kind):
    target = config("to", f"data_preprocessor = dict({kind}mean=[1.0, 2.0, 3.0], std=[1.0] * 3)")
    assert "100.0 %" in next(convert(checkpoint, target, None, None))
    content = {**published.dino(), "meta": {"cfg": "data_preprocessor = dict(mean=[9, 2, 3])"}}
    torch.save(content, checkpoint)
    with pytest.raises(ValueError, match=r"mean=\[9, 2, 3\] .* \[1.0, 2.0, 3.0\]"):
        list(convert(checkpoint, target, None, None))
