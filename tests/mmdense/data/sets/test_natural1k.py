import io

import pytest
from PIL import Image

from mmdense.data.sets import natural1k
from mmdense.data.sets.archive import open_tree


def test_images_are_copied_and_large_ones_are_downscaled(tmp_path):
    source, target = tmp_path / "from", tmp_path / "to"
    source.mkdir()
    target.mkdir()
    for name, size in {
        "n01440764_tench.jpg": (256, 300),
        "n01443537_goldfish.JPEG": (512, 640),
        "note.jpg": (9, 9),
    }.items():
        Image.new("RGB", size).save(source / name, "JPEG")
    assert natural1k.from_photos(open_tree(source), "", target) == {"scaled": 1}
    assert natural1k.count_images(target) == {"unlabelled": 2}
    small = (target / "n01440764_tench.jpg").read_bytes()
    assert small == (source / "n01440764_tench.jpg").read_bytes()  # copied unchanged
    assert Image.open(target / "n01443537_goldfish.jpg").size == (256, 320)


def test_the_error_names_an_unreadable_image(tmp_path):
    (tmp_path / "n01440764_tench.jpg").write_bytes(io.BytesIO(b"no photo").getvalue())
    with pytest.raises(ValueError, match=r"n01440764_tench\.jpg"):
        natural1k.from_photos(open_tree(tmp_path), "", tmp_path)
