import cv2
import numpy as np
import pytest

from mmdense.registry import TRANSFORMS

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
PNG = cv2.imencode(".png", IMAGE)[1].tobytes()


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
def test_it_decodes_as_the_host_does(backend):
    load = TRANSFORMS.build(dict(type="mmdense.LoadImageFromBytes", imdecode_backend=backend))
    record = load(dict(img_bytes=PNG, img_path="x.tar/a.png", gt_label=3))
    assert (record.pop("img") == IMAGE).all()
    assert record == dict(img_path="x.tar/a.png", gt_label=3, img_shape=(6, 8), ori_shape=(6, 8))


def test_grey_stays_grey():
    load = TRANSFORMS.build(dict(type="mmdense.LoadImageFromBytes", color_type="grayscale"))
    assert load(dict(img_bytes=PNG, img_path="a"))["img"].shape == (6, 8)


@pytest.mark.parametrize("backend", ["cv2", "pillow"])
@pytest.mark.parametrize("content", [b"", b"<html>no image</html>"])
def test_what_is_no_image_is_named_with_its_shard(backend, content):
    load = TRANSFORMS.build(dict(type="mmdense.LoadImageFromBytes", imdecode_backend=backend))
    with pytest.raises(ValueError, match=r"x.tar/a.png is no image"):
        load(dict(img_bytes=content, img_path="x.tar/a.png"))
