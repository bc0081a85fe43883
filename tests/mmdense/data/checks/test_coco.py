import numpy as np
import pytest
from PIL import Image

from mmdense.data.checks.coco import check_coco
from mmdense.data.read_image import read_image

NAN, INF = float("nan"), float("inf")
TRIANGLE = [10, 10, 30, 10, 20, 30]


def sound():
    """Return a valid file: one 100x80 image with one object of each of two classes."""
    return dict(
        images=[dict(id=3, file_name="a.jpg", width=100, height=80)],
        annotations=[
            dict(id=1, image_id=3, category_id=1, bbox=[0, 0, 100, 80], area=8000, iscrowd=0),
            dict(id=7, image_id=3, category_id=2, bbox=[9.5, 0, 5.5, 7], area=30.5, iscrowd=1),
        ],
        categories=[dict(id=1, name="cat"), dict(id=2, name="dog")],
    )


def shown(problems):
    return [f"{problem.level}: {problem}" for problem in problems]


def check(**fields):
    """Return the problems after changes to the second annotation; ``...`` removes a field."""
    coco = sound()
    annotation = {**coco["annotations"][1], "bbox": [10, 10, 20, 20], "area": 400, **fields}
    kept = {name: value for name, value in annotation.items() if value is not ...}
    coco["annotations"][1] = kept
    return check_coco(coco, "a.json")


def test_a_valid_file_has_no_problems():
    assert check_coco(sound(), "a.json", classes=("cat", "dog"), evaluation=True) == []


@pytest.mark.parametrize(
    ("key", "index", "fields", "expected"),
    [
        ("images", 1, dict(id=3), "error: a.json: image id 3 (images[1]): id: 3 is the id of"),
        ("annotations", 1, dict(id=1), "annotation id 1 of image id 3 (annotations[1]): id: 1 is"),
        ("categories", 1, dict(id=1), "error: a.json: category id 1 (categories[1]): id: 1 is the"),
        ("categories", 1, dict(name="cat"), "category id 2 (categories[1]): name: 'cat' is"),
        ("categories", 0, dict(name=7), "(categories[0]): name: is 7"),
        ("images", 0, dict(id=None), "(images[0]): id: is None"),
        ("images", 0, dict(id=[1]), "(images[0]): id: is [1]"),
        ("images", 0, dict(id=1.5), "(images[0]): id: is 1.5"),
        ("images", 0, dict(width=...), "error: a.json: image id 3 (images[0]): width: is missing"),
        ("images", 0, dict(id=...), "image id missing (images[0]): id: is missing"),
        ("annotations", 0, dict(bbox=...), "(annotations[0]): bbox: is missing"),
        ("annotations", 0, dict(image_id=...), "id 1 (annotations[0]): image_id: is missing"),
        ("categories", 0, dict(name=...), "(categories[0]): name: is missing"),
        ("images", 1, "b.jpg", "error: a.json: images[1]: images: is a str"),
        ("annotations", 2, None, "annotations[2]: annotations: is a NoneType"),
    ],
)
def test_an_error_names_the_entry_and_the_field(key, index, fields, expected):
    coco = sound()
    if isinstance(fields, dict):
        entry = {**coco[key][min(index, len(coco[key]) - 1)], **fields}
        fields = {name: value for name, value in entry.items() if value is not ...}
    coco[key][index : index + 1] = [fields]
    found = shown(check_coco(coco, "a.json"))
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    ("coco", "expected"),
    [
        ([], "error: a.json: file: "),
        ({}, "error: a.json: images: is missing"),
        (dict(sound(), images={}), "error: a.json: images: is a dict"),
        (dict(sound(), images=[]), "error: a.json: images: "),
        (dict(sound(), annotations=[]), "error: a.json: annotations: "),
    ],
)
def test_wrong_and_empty_lists_are_errors(coco, expected):
    assert any(line.startswith(expected) for line in shown(check_coco(coco, "a.json")))


def test_ids_of_different_types_differ_and_places_refer_to_the_file():
    coco = dict(sound(), annotations=[])
    coco["categories"] = [7, *(dict(id=value, name=str(n)) for n, value in enumerate((1, "1", 1)))]
    found = check_coco(coco, "a.json", evaluation=True)
    places = ["categories[0]", "category id 1 (categories[3])", ""]
    assert [problem.where for problem in found] == places


def test_a_test_set_may_have_no_annotations():
    coco = sound()
    del coco["annotations"]
    [note] = shown(check_coco(coco, "a.json", evaluation=True))
    assert note.startswith("note: a.json: annotations: ")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("cat", "dog", "cow"), [("error", "'cow'")]),
        (("cat",), [("note", "'dog'")]),
        (("dog", "cat"), [("error", "'cat', 'dog'")]),
        (tuple("abcdefghijkl"), [("error", "'j', ... (12)"), ("note", "cat"), ("note", "dog")]),
        (None, []),
    ],
)
def test_classes_of_the_config(classes, expected):
    found = shown(check_coco(sound(), "a.json", classes=classes))
    for line, (level, names) in zip(found, expected, strict=True):
        assert line.startswith(f"{level}: a.json: categories: ")
        assert names in line


# Annotations


@pytest.mark.parametrize(
    ("box", "level", "problem"),
    [
        ([10, 10, 20], "error", "is [10, 10, 20]"),
        (None, "error", "is None"),
        ("1 2 3 4", "error", "is '1 2 3 4'"),
        ([10, 10, "20", 20], "error", "is [10, 10, '20', 20]"),
        ([NAN, 10, 20, 20], "error", "is [nan, 10, 20, 20]"),
        ([10, 10, INF, 20], "error", "is [10, 10, inf, 20]"),
        ([10, 10, -20, 20], "error", "has a negative width or height"),
        ([10, 10, 20, 0.0], "note", "[10.0, 10.0, 20.0, 0.0] has a width or height of 0"),
        ([10, 10, 20, 0.5], "note", "[10.0, 10.0, 20.0, 0.5] has a width or height below 1"),
        # x from 40 to 140: 60 of 100 pixels inside; y from 20 to 100: 60 of 80. 45 % inside.
        ([40, 20, 100, 80], "error", "is 55% outside a.jpg, 100x80"),
        # x from 90 to 110: half inside, which is still a note.
        ([90, 10, 20, 20], "note", "is 50% outside a.jpg, 100x80"),
    ],
)
def test_a_wrong_box(box, level, problem):
    [found] = check(bbox=box)
    assert (found.level, found.field, found.file) == (level, "bbox", "a.json")
    assert found.where == "annotation id 7 of image id 3 (annotations[1])"
    assert problem in found.problem


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (dict(category_id=5), "5 is not in categories"),
        (dict(category_id="1"), "'1' is not in categories"),
        (dict(image_id=4), "4 is not in images"),
        (dict(image_id={}), "{} is not in images"),
        (dict(iscrowd=2), "is 2"),
        (dict(iscrowd=None), "is None"),
        (dict(area=0), "is 0"),
        (dict(area=-4.0), "is -4.0"),
        (dict(area=NAN), "is nan"),
        (dict(area=INF), "is inf"),
        (dict(area="400"), "is '400'"),
        (dict(area=...), "is missing"),
    ],
)
def test_a_wrong_field(fields, problem):
    [found] = check(**fields)
    assert (found.level, [found.field], found.problem) == ("error", list(fields), problem)


def test_boxes_at_the_border_and_crowds_without_a_flag_are_valid():
    for box in ([0, 0, 100, 80], [-1, -0.5, 101, 81], [99, 79, 1, 1]):
        assert check(bbox=box) == []
    assert check(iscrowd=...) == []
    coco = sound()
    del coco["annotations"][0]["iscrowd"]
    [found] = check_coco(coco, "a.json", evaluation=True)
    assert (found.level, found.field, found.problem) == ("error", "iscrowd", "is missing")


def test_an_empty_box_with_an_area_of_0_is_one_note():
    # As in COCO's train2017, where MMDetection skips such objects because of the box.
    [found] = check(bbox=[10, 10, 20, 0], area=0.0)
    assert (found.level, found.field) == ("note", "bbox")


def test_random_boxes_agree_with_a_loop():
    rng = np.random.default_rng(0)
    boxes = rng.uniform(-40, 140, (300, 4)).round(1)
    images = [dict(id=i, file_name=f"{i}.jpg", width=60 + i, height=50) for i in range(5)]
    annotations = [
        dict(id=i, image_id=i % 5, category_id=1, bbox=box.tolist(), area=1, iscrowd=0)
        for i, box in enumerate(boxes)
    ]
    found = check_coco(
        dict(images=images, annotations=annotations, categories=[dict(id=1, name="cat")]), "a.json"
    )
    levels = {}
    for one in found:
        levels.setdefault(int(one.where.split()[2]), []).append(one.level)
    for i, (x, y, w, h) in enumerate(boxes):
        width, height = 60 + i % 5, 50
        expected = []
        if min(w, h) < 0:
            expected.append("error")
        elif min(w, h) < 1:
            expected.append("note")
        if min(w, h) > 0:
            inside = max(min(x + w, width) - max(x, 0), 0) * max(min(y + h, height) - max(y, 0), 0)
            if inside / (w * h) < 0.5:
                expected.append("error")
            elif max(-x, -y, x + w - width, y + h - height) > 1:
                expected.append("note")
        assert levels.get(i, []) == expected


# Masks


def check_mask(segmentation, masks=True):
    """Return the problems of one object in an image of 6x4 pixels."""
    coco = sound()
    coco["images"][0].update(width=6, height=4)
    coco["annotations"] = [dict(coco["annotations"][0], bbox=[1, 1, 2, 2], area=4)]
    if segmentation is not ...:
        coco["annotations"][0]["segmentation"] = segmentation
    return check_coco(coco, "a.json", masks=masks)


@pytest.mark.parametrize(
    "segmentation",
    [
        [TRIANGLE, [1.5, 2, 3, 4, 5, 6, 7, 8]],
        dict(size=[4, 6], counts="04l"),
        dict(size=[4, 6], counts=[3, 20, 1]),
    ],
)
def test_a_valid_segmentation(segmentation):
    assert check_mask(segmentation) == []


@pytest.mark.parametrize(
    ("segmentation", "level", "problem"),
    [
        (..., "error", "is missing or empty"),
        ([], "error", "is missing or empty"),
        ("polygon", "error", "is a str"),
        ([[1, 2, 3, 4]], "error", "a polygon has 4 numbers"),
        ([[1, 2, 3, 4, 5, 6, 7]], "error", "a polygon has 7 numbers"),
        (TRIANGLE, "error", "a polygon is a int"),
        ([[1, 2, 3, 4, 5, "6"]], "error", "not a number"),
        ([[1, 2, 3, 4, 5, NAN]], "error", "not finite"),
        ([TRIANGLE, [1, 2, 3, 4]], "note", "a polygon has 4 numbers"),  # one remains
        (
            dict(size=[6, 4], counts="04l"),
            "error",
            "[6, 4] (height, width), but the",
        ),
        (dict(size=[4, 6]), "error", "has size [4, 6] and counts of type NoneType"),
        (dict(size=24, counts="04l"), "error", "has size 24 and counts of type str"),
        (dict(size=[4, 6], counts=[3, 20]), "error", "23, not 4 * 6"),
        (dict(size=[4, 6], counts=[3, "20"]), "error", "counts that are not numbers"),
    ],
)
def test_a_wrong_segmentation(segmentation, level, problem):
    [found] = check_mask(segmentation)
    assert (found.level, found.field) == (level, "segmentation")
    assert problem in found.problem
    assert check_mask(segmentation, masks=False) == []


# Image files


def check_files(folder, turned_by_exif=True, **fields):
    """Return the problems of one entry of 12x8 pixels, with the files in ``folder``."""
    coco = sound()
    coco["images"][0].update(dict(width=12, height=8) | fields)
    coco["annotations"] = [dict(coco["annotations"][0], bbox=[0, 0, 5, 5])]
    return check_coco(coco, "a.json", image_folder=folder, turned_by_exif=turned_by_exif)


def save(path, size=(12, 8), orientation=1):
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=tags)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "below/a.webp"])
def test_a_file_with_the_size_in_its_entry_has_no_problem(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    save(tmp_path / name)
    assert check_files(tmp_path, file_name=name) == []


def test_a_missing_file_and_a_file_without_an_entry(tmp_path):
    save(tmp_path / "b.JPG")
    (tmp_path / "readme.txt").touch()
    missing, unused = check_files(tmp_path)
    assert (missing.level, missing.field) == ("error", "file_name")
    assert missing.where == "image id 3 (images[0])"
    assert str(tmp_path / "a.jpg") in missing.problem
    assert unused.level == "note"
    assert str(tmp_path / "b.JPG") in unused.problem
    [missing] = check_files(tmp_path / "gone")
    assert "gone/a.jpg" in missing.problem


def test_a_file_that_is_not_an_image_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"text")
    [found] = check_files(tmp_path)
    assert (found.level, found.field) == ("error", "file_name")
    assert f"{tmp_path / 'a.jpg'} is not an image" in found.problem


@pytest.mark.parametrize("name", ["", 7])
def test_a_file_name_is_a_string(tmp_path, name):
    [found] = check_files(tmp_path, file_name=name)
    assert (found.level, found.field, found.problem) == ("error", "file_name", f"is {name!r}")


@pytest.mark.parametrize("value", [0, 12.5, NAN, INF, "12", None, True])
def test_a_size_is_a_positive_integer(tmp_path, value):
    save(tmp_path / "a.jpg")
    [found] = check_files(tmp_path, width=value)
    assert (found.level, found.field, found.problem) == ("error", "width", f"is {value!r}")


def test_a_wrong_size_is_compared_with_the_header(tmp_path):
    save(tmp_path / "a.jpg", (12, 9))
    [found] = check_files(tmp_path)
    assert (found.level, found.field) == ("error", "width, height")
    assert found.problem == f"12x8, but {tmp_path / 'a.jpg'} is 12x9"


# Stored as 12x8. Orientations 5 to 8 swap width and height: loaded as 8x12.
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_shows_which_orientation_the_boxes_refer_to(tmp_path, name, orientation):
    save(tmp_path / name, orientation=orientation)
    loaded = read_image(tmp_path / name).shape[:2]
    turned = dict(file_name=name, width=loaded[1], height=loaded[0])
    stored = dict(file_name=name, width=12, height=8)
    if orientation == 1:
        assert check_files(tmp_path, **stored) == []
    elif orientation <= 4:
        [note] = check_files(tmp_path, **stored)
        assert note.level == "note"
        assert f"EXIF orientation {orientation}" in note.problem
    else:
        assert check_files(tmp_path, **turned) == []
        [error] = check_files(tmp_path, **stored)
        assert error.level == "error"
        assert f"(EXIF orientation {orientation}) is loaded as 8x12" in error.problem
        assert error.advice.endswith("color_type='color_ignore_orientation'")
        [error] = check_files(tmp_path, turned_by_exif=False, **turned)
        assert error.advice.endswith("color_type='color'")
    assert check_files(tmp_path, turned_by_exif=False, **stored) == []


def test_tiff_is_always_rotated_and_webp_never(tmp_path):
    for name, (width, height) in {"a.tif": (8, 12), "a.webp": (12, 8)}.items():
        save(tmp_path / name, orientation=6)
        assert read_image(tmp_path / name).shape[:2] == (height, width)
        for turned in (True, False):
            found = check_files(
                tmp_path, file_name=name, width=width, height=height, turned_by_exif=turned
            )
            assert [found.level for finding in found] == []
        (tmp_path / name).unlink()
