"""tools/transfer.py: a file for a config, and the proof that it computes the same."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS

from mmdense.transfer.convert import convert
from tests.references import published_weights as published

TEMPLATE = """
model = dict(
    data_preprocessor=dict(type="mmpretrain.ClsDataPreprocessor"),
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch=dict(embed_dims={width}, num_layers=2, num_heads=2, feedforward_channels=128),
        img_size={size},
        patch_size=4,
        out_type="{out}",
        final_norm={norm},
    ),
)
"""


def config(tmp_path, name, size=12, out="featmap", norm=True, width=published.WIDTH):
    path = tmp_path / f"{name}.py"
    path.write_text(TEMPLATE.format(size=size, out=out, norm=norm, width=width))
    return str(path)


@pytest.fixture
def checkpoint(tmp_path):
    torch.save(published.dino(), tmp_path / "dino.pth")
    return str(tmp_path / "dino.pth")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_the_file_fills_the_backbone_of_the_config(tmp_path, checkpoint, suffix):
    out = tmp_path / "new" / f"vit{suffix}"
    lines = list(convert(checkpoint, config(tmp_path, "to", size=20), str(out), None))
    assert "3 x 3 to 5 x 5 patches" in lines[0] and str(out) in lines[-1]
    again = list(convert(str(out), config(tmp_path, "to", size=20), None, None))
    assert "resized" not in again[0] and "100.0 %" in again[0]


def test_overrides_change_the_target(tmp_path, checkpoint):
    overrides = {"model.backbone.img_size": 20}
    lines = list(convert(checkpoint, config(tmp_path, "to"), None, None, overrides=overrides))
    assert "3 x 3 to 5 x 5 patches" in lines[0]


def test_features_of_source_and_target_are_compared(tmp_path, checkpoint):
    same = [config(tmp_path, name) for name in ("from", "to")]
    lines = list(convert(checkpoint, same[1], None, same[0]))
    assert lines[-1].startswith("the same features as")
    other = config(tmp_path, "without", norm=False)
    with pytest.raises(ValueError, match="differ by .* nothing was written"):
        list(convert(checkpoint, other, str(tmp_path / "x.pth"), same[0]))
    assert not (tmp_path / "x.pth").exists()


def test_mistakes_are_named_before_anything_is_written(tmp_path, checkpoint):
    with pytest.raises(ValueError, match="ends in .pth or .safetensors"):
        list(convert(checkpoint, config(tmp_path, "to"), "vit.bin", None))
    with pytest.raises(FileNotFoundError, match="no config file absent.py"):
        list(convert(checkpoint, "absent.py", None, None))
    empty = tmp_path / "empty.py"
    empty.write_text("a = 1")
    with pytest.raises(ValueError, match=r"has no model.backbone"):
        list(convert(checkpoint, str(empty), None, None))
    with pytest.raises(ValueError, match="wrong shape"):
        list(convert(checkpoint, config(tmp_path, "wide", width=64), None, None))


def test_a_converted_file_loads_where_only_the_host_reads_it(tmp_path, checkpoint):
    out = str(tmp_path / "vit.pth")
    list(convert(checkpoint, config(tmp_path, "to"), out, None))
    target = MODELS.build(
        {
            "type": "mmpretrain.VisionTransformer",
            "arch": {
                "embed_dims": published.WIDTH,
                "num_layers": published.DEPTH,
                "num_heads": 2,
                "feedforward_channels": 4 * published.WIDTH,
            },
            "img_size": 12,
            "patch_size": 4,
            "init_cfg": {"type": "Pretrained", "checkpoint": out, "prefix": "backbone."},
        }
    )
    target.init_weights()
    assert torch.equal(target.cls_token, published.timm_vit(seed=2)["cls_token"])


def test_a_preprocessor_without_a_type_gives_its_statistics(tmp_path, checkpoint):
    path = tmp_path / "host.py"
    text = TEMPLATE.format(size=12, out="featmap", norm=True, width=published.WIDTH)
    text = text.replace('data_preprocessor=dict(type="mmpretrain.ClsDataPreprocessor"),', "")
    path.write_text(text + "data_preprocessor = dict(mean=[1.0, 2.0, 3.0], to_rgb=True)\n")
    assert "100.0 %" in next(iter(convert(checkpoint, str(path), None, None)))
    content = {**published.dino(), "meta": {"cfg": "data_preprocessor = dict(mean=[9, 2, 3])"}}
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"mean \[9, 2, 3\], fed with mean \[1.0, 2.0, 3.0\]"):
        list(convert(str(tmp_path / "other.pth"), str(path), None, None))


@pytest.mark.parametrize("channels", [1, 4])
def test_pictures_of_other_channels_are_compared(tmp_path, checkpoint, channels):
    paths = [config(tmp_path, name) for name in ("from", "to")]
    for path in paths:
        text = Path(path).read_text()
        Path(path).write_text(
            text.replace("patch_size=4,", f"patch_size=4, in_channels={channels},")
        )
    assert list(convert(checkpoint, paths[1], None, paths[0]))[-1].startswith("the same features")
    three = config(tmp_path, "three")
    with pytest.raises(ValueError, match=f"three.py and .*sees 3 channels, .* {channels}: no pic"):
        list(convert(checkpoint, paths[1], None, three))


def test_features_of_other_shapes_name_both_configs(tmp_path, checkpoint):
    raw, maps = config(tmp_path, "raw", out="raw"), config(tmp_path, "maps")
    with pytest.raises(ValueError, match=r"raw.py and .*maps.py: features of .* same out_type"):
        list(convert(checkpoint, maps, None, raw))
