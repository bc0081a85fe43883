"""Pictures are bounded, and what is none is named."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from mmdense.report.embedded_picture import embed
from tests.mmdense.report.made_up_records import picture


def test_a_large_picture_becomes_smaller_and_a_small_one_stays(tmp_path):
    picture(tmp_path / "a.png", (300, 100))
    assert embed(tmp_path / "a.png", longest=150)[1:] == (150, 50)
    html = embed(tmp_path / "a.png", longest=900).html('a "picture"')
    assert 'width="300" height="100"' in html
    assert 'alt="a &quot;picture&quot;"' in html
    assert 'decoding="async"' in html
    data = base64.b64decode(re.search(r"base64,([^\"]+)", html)[1])
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    assert np.abs(pixels.astype(int) - (200, 30, 30)).max() < 12


def test_a_transparent_pixel_is_white(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "a.png")
    data = embed(tmp_path / "a.png", longest=8).data
    assert np.asarray(Image.open(io.BytesIO(data))).min() > 250


def test_what_is_no_picture_is_named_without_the_place_of_its_folder(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=f"^{tmp_path.name}/a.png is no picture") as caught:
        embed(tmp_path / "a.png", longest=8)
    assert str(tmp_path) not in str(caught.value)
    picture(tmp_path / "b.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:60])
    with pytest.raises(ValueError, match="is no picture"):
        embed(tmp_path / "b.png", longest=8)
    Image.new("1", (10_000, 6_500)).save(tmp_path / "c.png")
    with pytest.raises(ValueError, match="10000 x 6500 pixels, too many"):
        embed(tmp_path / "c.png", longest=8)
