import numpy as np
import pytest
from PIL import Image

from mmdense.visual import contact_sheet
from mmdense.visual.class_list import ClassList
from mmdense.visual.contact_sheet import draw_sheet, write_sheets
from mmdense.visual.model_inputs import ModelInput

CLASSES = ClassList(names=("cat", "dog"), palette=((250, 10, 20), (20, 10, 250)))


def flat(value, height=60, width=80, **truth):
    return ModelInput([np.full((height, width, 3), value, np.uint8)], **truth)


def pixels(sheet):
    return np.asarray(sheet).astype(int)


@pytest.mark.parametrize(
    ("count", "height", "width", "scale"),
    [(12, 144, 192, 2), (12, 32, 32, 13), (1, 60, 80, 8), (5, 300, 300, 1), (4, 1200, 1600, None)],
)
def test_every_picture_is_there_at_one_magnification(count, height, width, scale):
    values = [20 + 15 * index for index in range(count)]
    sheet = pixels(draw_sheet([flat(v, height, width) for v in values], CLASSES, "title"))
    assert sheet.shape[1] <= 1.1 * 1640
    areas = [(sheet == value).all(axis=2).sum() for value in values]
    if scale is None:  # too large for the sheet
        assert max(areas) < 800 * 600
        assert min(areas) > 400 * 300
    else:
        # Letters have all tones of grey: a few pixels more than the picture.
        for area in areas:
            assert area == pytest.approx(scale * scale * height * width, rel=0.02)


def words(monkeypatch):
    """All that is written on a sheet."""
    seen = []
    real = contact_sheet._shorten

    def watch(text, *arguments, **more):
        seen.append(real(text, *arguments, **more))
        return seen[-1]

    monkeypatch.setattr(contact_sheet, "_shorten", watch)
    return seen


def test_captions_tell_classes_objects_and_files(monkeypatch):
    seen = words(monkeypatch)
    semantic = np.zeros((60, 80), int)
    semantic[:15] = 255
    images = [
        flat(1, path="a/x.jpg", scores={0: 1.0}),
        flat(2, scores={0: 0.25, 1: 0.75}),
        flat(3, boxes=np.zeros((1, 4)), labels=np.array([1]), ignored=np.zeros((2, 4))),
        flat(4, semantic=semantic),
        ModelInput([np.zeros((60, 80, 3), np.uint8)] * 2),
    ]
    draw_sheet(images, CLASSES, "the title")
    assert seen == [
        "the title",
        *("cat", "80x60  x.jpg"),
        *("dog 75%, cat 25%", "80x60"),
        *("1 object, 2 ignored", "80x60"),
        *("1 class, 25.0% of the pixels ignored", "80x60"),
        "2 views, 80x60",
    ]


def test_long_names_lose_their_middle():
    short = contact_sheet._shorten("n01440764_" + "tench" * 40 + "_0042.jpg", 150, 11)
    assert short.startswith("n0144")
    assert short.endswith("0042.jpg")
    assert contact_sheet.font(11).getlength(short) <= 150


def test_the_key_has_the_classes_that_occur():
    def entries(image):
        return contact_sheet._key_entries([flat(0), image], CLASSES)

    dog = ("dog", (20, 10, 250))
    assert entries(flat(1)) == []
    assert entries(flat(1, boxes=np.zeros((2, 4)), labels=np.array([1, 1]))) == [dog]
    semantic = np.ones((60, 80), int)
    assert entries(flat(1, semantic=semantic)) == [dog]
    semantic[0], semantic[1] = 255, 2
    assert entries(flat(1, semantic=semantic)) == [
        dog,
        ("class 2", CLASSES.colour(2)),
        ("ignored", None),
    ]
    # The key is the lowest row, 22 pixels over a margin of 14: 14 of colour, 2 below its top.
    sheet = pixels(draw_sheet([flat(1, semantic=semantic)], CLASSES, ""))
    assert (sheet[-34:-20, 20:34] == (20, 10, 250)).all()


def test_many_images_take_several_sheets(tmp_path):
    images = [flat(index, 8, 8) for index in range(50)]
    written = write_sheets(images, CLASSES, "title", tmp_path / "new" / "x.png")
    assert [path.name for path in written] == ["x_1.png", "x_2.png", "x_3.png"]
    assert all(Image.open(path).format == "PNG" for path in written)
    assert [p.name for p in write_sheets(images[:24], CLASSES, "t", tmp_path / "y.png")] == [
        "y.png"
    ]
