import numpy as np
import pytest

from mmdense.visual.annotated_image import annotate
from mmdense.visual.model_inputs import ClassList, ModelInput

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
CLASSES = ClassList(names=("a", "b", "c"), palette=(RED, GREEN, BLUE))


def grey(height=30, width=40):
    return np.full((height, width, 3), 100, np.uint8)


def drawn(image, scale=1.0):
    return np.asarray(annotate(image, CLASSES, scale)).astype(int)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_a_box_encloses_its_pixels(scale):
    image = ModelInput([grey()], boxes=np.array([[10, 15, 30, 27]]), labels=np.array([1]))
    drawing = drawn(image, scale)
    s = int(scale)
    assert drawing.shape == (30 * s, 40 * s, 3)
    # Columns 10 to 29 and rows 15 to 26 of the image, s times as large: the line lies inside.
    x1, y1, x2, y2 = 10 * s, 15 * s, 30 * s - 1, 27 * s - 1
    middle = (y1 + y2) // 2
    for x in (x1, x1 + 1, x2 - 1, x2):
        assert drawing[middle, x].tolist() == [*GREEN]
    assert drawing[middle, x1 + 2].tolist() == [100, 100, 100]
    assert drawing[middle, x1 - 1].tolist() == [0, 0, 0]
    assert drawing[y2, (x1 + x2) // 2].tolist() == [*GREEN]


def test_enlarged_pixels_stay_squares_and_smaller_images_are_means():
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    assert (drawn(ModelInput([pixels]), 2.0) == pixels.repeat(2, 0).repeat(2, 1)).all()
    half = drawn(ModelInput([pixels]), 0.5)
    # The first four pixels of a channel are 0, 3, 18 and 21: their mean is 10.5.
    assert half.shape == (2, 3, 3)
    assert half[0, 0, 0] in (10, 11)


def test_a_mask_is_mixed_with_the_colour_of_its_class():
    mask = np.zeros((1, 30, 40), bool)
    mask[0, 5:25, 5:25] = True
    image = ModelInput([grey()], labels=np.array([2]), masks=mask)
    drawing = drawn(image)
    # 55 % of 100 and 45 % of blue: (55, 55, 55 + 114.75).
    assert drawing[15, 15].tolist() == [55, 55, 170]
    assert drawing[5, 15].tolist() == [*BLUE]
    assert drawing[15, 30].tolist() == [100, 100, 100]


def test_a_map_has_the_colours_of_its_classes_and_stripes_where_it_is_ignored():
    semantic = np.zeros((30, 40), np.uint8)
    semantic[:, 20:] = 1
    semantic[20:] = 255
    drawing = drawn(ModelInput([grey()], semantic=semantic))
    # 45 % of 100 and 55 % of red: (45 + 140.25, 45, 45).
    assert drawing[10, 5].tolist() == [185, 45, 45]
    assert drawing[10, 30].tolist() == [45, 185, 45]
    ignored = drawing[25, 5:35]
    assert (ignored[:, 0] == ignored[:, 1]).all()
    # 45 + 0.55 of the two greys 128 and 200
    assert np.unique(ignored).tolist() == [115, 155]
    assert (drawing[10, 19:22].max(axis=1) < 70).any()  # the border is dark


def test_names_never_cover_each_other(monkeypatch):
    from mmdense.visual import annotated_image

    taken, places = [], []
    room = annotated_image._room

    def watch(free, *arguments):
        before = free.sum()
        places.append((room(free, *arguments), arguments[1], free.sum() - before))
        taken.append(free)
        return places[-1][0]

    monkeypatch.setattr(annotated_image, "_room", watch)
    generator = np.random.default_rng(0)
    corner = generator.uniform(0, 150, (40, 2))
    boxes = np.concatenate([corner, corner + generator.uniform(4, 80, (40, 2))], axis=1)
    image = ModelInput([grey(200, 200)], boxes=boxes, labels=np.arange(40) % 5)
    annotate(image, CLASSES, 1.0)
    found = [(size, new) for place, size, new in places if place is not None]
    assert len(places) == 40
    assert 5 < len(found) < 40  # the others found no room
    assert all(new == width * height for (width, height), new in found)  # all pixels were free


def test_views_are_side_by_side():
    image = ModelInput([grey(), grey() + 50])
    drawing = drawn(image, 2.0)
    assert drawing.shape == (60, 80 + 3 + 80, 3)
    assert (drawing[:, :80] == 100).all()
    assert (drawing[:, 80:83] == 255).all()
    assert (drawing[:, 83:] == 150).all()


def test_ignored_boxes_are_grey():
    image = ModelInput([grey()], ignored=np.array([[10.0, 5, 30, 25]]))
    assert drawn(image)[15, 10].tolist() == [128, 128, 128]
