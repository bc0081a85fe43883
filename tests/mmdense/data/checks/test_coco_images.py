import pytest
from PIL import Image

from mmdense.data.checks.coco import check_coco
from mmdense.data.read_image import read_image


def check(folder, turned_by_exif=True, **fields):
    """Return the problems of one entry of 12x8 pixels, with the files in ``folder``."""
    entry = dict(id=3, file_name="a.jpg", width=12, height=8, **{})
    entry.update(fields)
    coco = dict(
        images=[entry],
        annotations=[
            dict(id=1, image_id=3, category_id=1, bbox=[0, 0, 5, 5], area=25, iscrowd=0),
        ],
        categories=[dict(id=1, name="cat")],
    )
    return check_coco(coco, "a.json", image_folder=folder, turned_by_exif=turned_by_exif)


def save(path, size=(12, 8), orientation=1):
    tags = Image.Exif()
    tags[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=tags)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "below/a.webp"])
def test_a_file_with_the_size_in_its_entry_has_no_problem(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    save(tmp_path / name)
    assert check(tmp_path, file_name=name) == []


def test_a_missing_file_and_a_file_without_an_entry(tmp_path):
    save(tmp_path / "b.JPG")
    (tmp_path / "readme.txt").touch()
    missing, unused = check(tmp_path)
    assert (missing.level, missing.field) == ("error", "file_name")
    assert missing.where == "image id 3 (images[0])"
    assert str(tmp_path / "a.jpg") in missing.problem
    assert unused.level == "note"
    assert str(tmp_path / "b.JPG") in unused.problem


def test_a_missing_folder_is_a_missing_file(tmp_path):
    [finding] = check(tmp_path / "gone")
    assert "gone/a.jpg" in finding.problem


def test_a_file_that_is_not_an_image_is_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"text")
    [finding] = check(tmp_path)
    assert (finding.level, finding.field) == ("error", "file_name")
    assert f"{tmp_path / 'a.jpg'} is not an image" in finding.problem


@pytest.mark.parametrize("name", [None, "", 7])
def test_a_file_name_is_a_string(tmp_path, name):
    [finding] = check(tmp_path, file_name=name)
    assert (finding.level, finding.field, finding.problem) == ("error", "file_name", f"is {name!r}")


@pytest.mark.parametrize("value", [0, -12, 12.5, float("nan"), float("inf"), "12", None, True])
def test_a_size_is_a_positive_integer(tmp_path, value):
    save(tmp_path / "a.jpg")
    [finding] = check(tmp_path, width=value)
    assert (finding.level, finding.field, finding.problem) == ("error", "width", f"is {value!r}")


def test_a_wrong_size_is_compared_with_the_header(tmp_path):
    save(tmp_path / "a.jpg", (12, 9))
    [finding] = check(tmp_path)
    assert (finding.level, finding.field) == ("error", "width, height")
    assert finding.problem == f"12x8, but {tmp_path / 'a.jpg'} is 12x9"


# Stored as 12x8. Orientations 5 to 8 swap width and height: loaded as 8x12.
@pytest.mark.parametrize("name", ["a.jpg", "a.png"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_shows_which_orientation_the_boxes_refer_to(tmp_path, name, orientation):
    save(tmp_path / name, orientation=orientation)
    loaded = read_image(tmp_path / name).shape[:2]
    turned = dict(file_name=name, width=loaded[1], height=loaded[0])
    stored = dict(file_name=name, width=12, height=8)
    if orientation == 1:
        assert check(tmp_path, **stored) == []
    elif orientation <= 4:
        [note] = check(tmp_path, **stored)
        assert note.level == "note"
        assert f"EXIF orientation {orientation}" in note.problem
    else:
        assert check(tmp_path, **turned) == []
        [error] = check(tmp_path, **stored)
        assert error.level == "error"
        assert f"(EXIF orientation {orientation}) is loaded as 8x12" in error.problem
        assert error.advice.endswith("color_type='color_ignore_orientation'")
        [error] = check(tmp_path, turned_by_exif=False, **turned)
        assert error.advice.endswith("color_type='color'")
    assert check(tmp_path, turned_by_exif=False, **stored) == []


def test_tiff_is_always_rotated_and_webp_never(tmp_path):
    for name, (width, height) in {"a.tif": (8, 12), "a.webp": (12, 8)}.items():
        save(tmp_path / name, orientation=6)
        assert read_image(tmp_path / name).shape[:2] == (height, width)
        for turned in (True, False):
            found = check(
                tmp_path, file_name=name, width=width, height=height, turned_by_exif=turned
            )
            assert [finding.level for finding in found] == []
        (tmp_path / name).unlink()
