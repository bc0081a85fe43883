import numpy as np
import pytest
from PIL import Image

from mmdense.data.sets import camvid

FRAMES = {
    "0001TP_006690": "train",
    "0001TP_008550": "test",
    "0006R0_f00930": "train",
    "0016E5_07959": "val",
    "0016E5_08159": "val",
    "0016E5_08640": "train",
    "Seq05VD_f00000": "test",
}
COUNTS = {"train": 3, "val": 2, "test": 2}


def test_split_by_sequence_and_frame():
    for stem, split in FRAMES.items():
        assert camvid.split_of(stem) == split
    assert camvid.split_of("0016E5_08000") == "train"  # even: not in the 15 Hz part
    for wrong in ("0001TP", "0002TP_000001", "0001TP_x1"):
        with pytest.raises(ValueError, match="CamVid"):
            camvid.split_of(wrong)


def read(folder, split, stem):
    return np.array(Image.open(folder / "annotations" / split / f"{stem}.png"))


@pytest.mark.parametrize(
    ("images", "annotations", "suffix"),
    [("images/{split}", "annotations/{split}", ".jpg"), ("{split}", "{split}annot", ".png")],
)
def test_indexed_layouts(images, annotations, suffix, tmp_path):
    labels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for stem, split in FRAMES.items():
        for folder, end in ((images, suffix), (annotations, ".png")):
            path = tmp_path / "from" / folder.format(split=split) / (stem + end)
            path.parent.mkdir(parents=True, exist_ok=True)
            content = Image.fromarray(labels) if folder == annotations else Image.new("RGB", (4, 3))
            content.save(path)
    camvid.from_indexed(images, annotations)(tmp_path / "from", tmp_path / "to")
    assert camvid.SOURCE.count(tmp_path / "to") == COUNTS
    result = read(tmp_path / "to", "val", "0016E5_07959")
    assert result.flatten().tolist() == [*range(11), 255]
    assert (tmp_path / "to" / "images" / "val" / f"0016E5_07959{suffix}").is_file()

    (tmp_path / "from" / images.format(split="val") / f"0016E5_07959{suffix}").unlink()
    with pytest.raises(FileNotFoundError, match="0016E5_07959"):
        camvid.from_indexed(images, annotations)(tmp_path / "from", tmp_path / "no")
    Image.fromarray(labels + 1).save(
        tmp_path / "from" / annotations.format(split="train") / "0001TP_006690.png"
    )
    with pytest.raises(ValueError, match=r"0001TP_006690\.png"):
        camvid.from_indexed(images, annotations)(tmp_path / "from", tmp_path / "no")


@pytest.fixture
def published(tmp_path):
    """Return published 960x720 frames, where each of the 32 colours is a 30 pixel wide column."""
    root = tmp_path / "from"
    (root / "701_StillsRaw_full").mkdir(parents=True)
    (root / "LabeledApproved_full").mkdir()
    colours = np.array([colour for colour, _ in camvid.PUBLISHED_CLASSES.values()], dtype=np.uint8)
    annotation = Image.fromarray(np.tile(colours.repeat(30, axis=0), (720, 1, 1)))
    frame = np.zeros((720, 960, 3), dtype=np.uint8)
    frame[::2, ::2] = 200  # one of four pixels, so the mean is 50
    for stem in ("0001TP_006690", "0016E5_07959", "Seq05VD_f00000"):
        Image.fromarray(frame).save(root / "701_StillsRaw_full" / f"{stem}.png")
        annotation.save(root / "LabeledApproved_full" / f"{stem}_L.png")
    return root


def test_published_colours_become_classes(published, tmp_path):
    notes = camvid.from_publisher(published, tmp_path / "to")
    assert notes["pixels_of_unknown_colour"] == 0
    assert camvid.SOURCE.count(tmp_path / "to") == {"train": 1, "val": 1, "test": 1}
    labels = read(tmp_path / "to", "test", "Seq05VD_f00000")
    assert labels.shape == (360, 480)
    for column, (name, (_, ours)) in enumerate(camvid.PUBLISHED_CLASSES.items()):
        expected = 255 if ours is None else camvid.CLASSES.index(ours)
        assert (labels[:, column * 15 : column * 15 + 15] == expected).all(), name
    image = np.array(Image.open(tmp_path / "to" / "images" / "val" / "0016E5_07959.png"))
    assert image.shape == (360, 480, 3)
    assert (image == 50).all()


def test_few_unknown_colours_become_void_and_many_are_an_error(published, tmp_path, caplog):
    path = published / "LabeledApproved_full" / "0016E5_07959_L.png"
    colours = np.array(Image.open(path))
    colours[:20, :20] = 1  # 10 x 10 after downscaling
    Image.fromarray(colours).save(path)
    notes = camvid.from_publisher(published, tmp_path / "to")
    assert notes["pixels_of_unknown_colour"] == 100
    assert "100 pixels" in caplog.text
    assert (read(tmp_path / "to", "val", "0016E5_07959")[:10, :10] == 255).all()
    colours[:300] = 1
    Image.fromarray(colours).save(path)
    with pytest.raises(ValueError, match=r"pixels of .*0016E5_07959_L\.png"):
        camvid.from_publisher(published, tmp_path / "no")
    path.write_bytes(b"\x89PNG cut")
    with pytest.raises(ValueError, match=r"0016E5_07959_L\.png is not"):
        camvid.from_publisher(published, tmp_path / "no")


def test_every_class_has_a_colour_and_a_source():
    assert len(camvid.PUBLISHED_CLASSES) == 32
    assert len({colour for colour, _ in camvid.PUBLISHED_CLASSES.values()}) == 32
    assert {name for _, name in camvid.PUBLISHED_CLASSES.values()} == {*camvid.CLASSES, None}
    assert len(camvid.PALETTE) == len(camvid.CLASSES) == 11
