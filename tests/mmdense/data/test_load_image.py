from pathlib import Path

import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from PIL import Image

from mmdense.data.load_image import LoadImage
from mmdense.data.read_image import BrokenImageError
from mmdense.registry import TRANSFORMS


@pytest.fixture
def path(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(values).save(tmp_path / "a.png")
    return str(tmp_path / "a.png")


@pytest.mark.parametrize(
    "options",
    [
        {},
        dict(to_float32=True),
        dict(color_type="grayscale"),
        dict(backend_args=dict(backend="local")),
    ],
)
def test_a_record_equals_that_of_mmcv(path, options):
    ours = TRANSFORMS.build(dict(type="mmdense.LoadImage", **options))(
        dict(img_path=path, sample_idx=3)
    )
    upstream = LoadImageFromFile(**options)(dict(img_path=path, sample_idx=3))
    np.testing.assert_array_equal(ours["img"], upstream["img"])
    assert ours.pop("img").dtype == upstream.pop("img").dtype
    assert ours == upstream


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_a_broken_image_is_an_error_unless_it_is_ignored(tmp_path, content):
    path = tmp_path / "a.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BrokenImageError, match=r"a\.jpg: "):
        LoadImage()(dict(img_path=str(path)))
    assert LoadImage(ignore_empty=True)(dict(img_path=str(path))) is None


def test_a_record_of_a_shard_is_decoded_from_its_bytes(path):
    content = Path(path).read_bytes()
    record = LoadImage()(dict(img_path="a.tar/b.jpg", img_bytes=content, gt_label=3))
    assert record.keys() == {"img_path", "gt_label", "img", "img_shape", "ori_shape"}
    np.testing.assert_array_equal(record["img"], LoadImage()(dict(img_path=path))["img"])
    with pytest.raises(BrokenImageError, match=r"a.tar/b.jpg: "):
        LoadImage()(dict(img_path="a.tar/b.jpg", img_bytes=content[:-2]))


def test_invalid_options_are_errors(path):
    with pytest.raises(ValueError, match=r"color_type='colour' .*\('color'"):
        LoadImage(color_type="colour")
    with pytest.raises(ValueError, match="short_side.*color_type='unchanged'"):
        LoadImage(color_type="unchanged", short_side=8)
    with pytest.raises(ValueError, match=r"has annotations \(\['instances'\]\)"):
        LoadImage(short_side=8)(dict(img_path=path, instances=[]))
