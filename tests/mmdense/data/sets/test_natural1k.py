import pytest
from PIL import Image

from mmdense.data.sets import natural1k


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
    assert natural1k.from_photos(source, target) == {"scaled": 1}
    assert natural1k.SOURCE.count(target) == {"unlabelled": 2}
    small = (target / "n01440764_tench.jpg").read_bytes()
    assert small == (source / "n01440764_tench.jpg").read_bytes()  # copied unchanged
    assert Image.open(target / "n01443537_goldfish.jpg").size == (256, 320)
    (source / "n01443537_goldfish.JPEG").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"n01443537_goldfish\.JPEG"):
        natural1k.from_photos(source, target)
