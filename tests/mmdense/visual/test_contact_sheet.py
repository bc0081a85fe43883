import numpy as np
import pytest
from PIL import Image

from mmdense.visual import contact_sheet
from mmdense.visual.contact_sheet import draw_sheet, sheet_of_images, write_sheets
from mmdense.visual.grid import draw_grid
from mmdense.visual.model_inputs import ClassList, ModelInput

CLASSES = ClassList(names=("cat", "dog"), palette=((250, 10, 20), (20, 10, 250)))


def flat(value, height=60, width=80, **truth):
    return ModelInput([np.full((height, width, 3), value, np.uint8)], **truth)


def pixels(sheet):
    return np.asarray(sheet).astype(int)


@pytest.mark.parametrize(
    ("count", "height", "width", "scale"),
    [(12, 144, 192, 2), (12, 32, 32, 13), (1, 60, 80, 8), (5, 300, 300, 1), (4, 1200, 1600, None)],
)
def test_every_image_is_drawn_at_one_scale(count, height, width, scale):
    values = [20 + 15 * index for index in range(count)]
    sheet = pixels(draw_sheet([flat(v, height, width) for v in values], CLASSES, "title"))
    assert sheet.shape[1] <= 1.1 * 1600
    areas = [(sheet == value).all(axis=2).sum() for value in values]
    if scale is None:  # too large for the sheet
        assert max(areas) < 800 * 600
        assert min(areas) > 400 * 300
    else:
        # Letters have all tones of grey: a few pixels more than the image.
        for area in areas:
            assert area == pytest.approx(scale * scale * height * width, rel=0.02)


@pytest.fixture
def asked(monkeypatch):
    """What the grid is asked to draw."""
    seen = {}

    def watch(cells, columns, **more):
        seen.update(more, lines=[cell.lines for cell in cells])
        return draw_grid(cells, columns, **more)

    monkeypatch.setattr(contact_sheet, "draw_grid", watch)
    return seen


def test_captions_name_classes_objects_and_files(asked):
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
    assert asked["title"] == "the title"
    assert asked["lines"] == [
        ("cat", "80x60  x.jpg"),
        ("dog 75%, cat 25%", "80x60"),
        ("1 object, 2 ignored", "80x60"),
        ("1 class, 25.0% of the pixels ignored", "80x60"),
        ("2 views, 80x60",),
    ]


def test_the_key_has_the_classes_that_occur(asked):
    def key_of(image):
        draw_sheet([flat(0), image], CLASSES, "")
        return {name: {tuple(c) for c in chip.reshape(-1, 3)} for name, chip in asked["key"]}

    dog = {"dog": {(20, 10, 250)}}
    assert key_of(flat(1)) == {}
    assert key_of(flat(1, boxes=np.zeros((2, 4)), labels=np.array([1, 1]))) == dog
    semantic = np.ones((60, 80), int)
    assert key_of(flat(1, semantic=semantic)) == dog
    semantic[0], semantic[1] = 255, 2
    stripes = {"ignored": {(128, 128, 128), (200, 200, 200)}}
    assert key_of(flat(1, semantic=semantic)) == {**dog, "class 2": {CLASSES.colour(2)}, **stripes}


@pytest.mark.parametrize("number", [1, 5, 7])
def test_a_sheet_of_images_shows_all_of_them(number):
    images = [np.full((40, 60, 3), 20 + 30 * place, np.uint8) for place in range(number)]
    sheet = pixels(sheet_of_images(images, [f"image {n}" for n in range(number)]))
    areas = [(sheet == image[0, 0]).all(axis=2).sum() for image in images]
    assert min(areas) >= 40 * 60
    large = pixels(
        sheet_of_images([np.full((3000, 4000, 3), 7, np.uint8)] * number, ["x"] * number)
    )
    assert large.shape[1] <= 1600


def test_many_images_take_several_sheets(tmp_path):
    images = [flat(index, 8, 8) for index in range(50)]
    written = write_sheets(images, CLASSES, "title", tmp_path / "new" / "x.png")
    assert [path.name for path in written] == ["x_1.png", "x_2.png", "x_3.png"]
    assert all(Image.open(path).format == "PNG" for path in written)
    assert [p.name for p in write_sheets(images[:24], CLASSES, "t", tmp_path / "y.png")] == [
        "y.png"
    ]
