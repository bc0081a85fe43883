import json

import pytest
from PIL import Image

from mmdense.data.sets import bccd
from mmdense.data.sets.archive import open_tree

# name, xmin, ymin, xmax, ymax in an image of 40 x 30
OBJECTS = {
    "BloodImage_00001": [("RBC", 1, 2, 11, 22), ("Platelets", 5, 5, 5, 9)],
    "BloodImage_00002": [("WBC", -3, 4, 45, 31)],
    "BloodImage_00003": [],
}
SPLITS = {
    "train": ["BloodImage_00001", "BloodImage_00002"],
    "val": ["BloodImage_00003"],
    "test": ["BloodImage_00001"],
}


@pytest.fixture
def voc(tmp_path):
    """Return a folder in the published layout."""
    root = tmp_path / "BCCD_Dataset" / "BCCD"
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    for stem, objects in OBJECTS.items():
        Image.new("RGB", (40, 30)).save(root / "JPEGImages" / f"{stem}.jpg")
        items = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{x1}</xmin><ymin>{y1}</ymin>"
            f"<xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
            for name, x1, y1, x2, y2 in objects
        )
        (root / "Annotations" / f"{stem}.xml").write_text(f"<annotation>{items}</annotation>")
    for split, stems in SPLITS.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(stems) + "\n")
    return tmp_path


def convert_voc(path, target):
    tree = open_tree(path)
    prefix = tree.find_root("JPEGImages/BloodImage_00001.jpg")
    assert prefix == "BCCD_Dataset/BCCD/"
    return bccd.from_voc(tree, prefix, target)


def test_voc_becomes_coco(voc, tmp_path):
    target = tmp_path / "bccd"
    notes = convert_voc(voc, target)
    # In train, the platelet has no width, and the white cell is clipped to 0 4 40 30.
    assert notes == {
        "boxes": {"train": 2, "val": 0, "test": 1},
        "boxes_dropped": 2,  # the image of the platelet is in train and in test
        "boxes_clipped": 1,
    }
    train = json.loads((target / "annotations" / "train.json").read_text())
    assert [a["bbox"] for a in train["annotations"]] == [[1, 2, 10, 20], [0, 4, 40, 26]]
    assert [a["category_id"] for a in train["annotations"]] == [1, 2]
    assert [a["image_id"] for a in train["annotations"]] == [1, 2]
    assert [a["area"] for a in train["annotations"]] == [200, 1040]
    assert train["images"][1] == dict(id=2, file_name="BloodImage_00002.jpg", width=40, height=30)
    assert [c["name"] for c in train["categories"]] == ["RBC", "WBC", "Platelets"]
    assert bccd.count_images(target) == {"train": 2, "val": 1, "test": 1}


def test_the_canonical_layout_is_copied(voc, tmp_path):
    convert_voc(voc, tmp_path / "one" / "bccd")
    tree = open_tree(tmp_path / "one")
    notes = bccd.from_coco(tree, "bccd/", tmp_path / "two")
    assert notes == {"boxes": {"train": 2, "val": 0, "test": 1}}
    for path in (tmp_path / "one" / "bccd").rglob("*.*"):
        copy = tmp_path / "two" / path.relative_to(tmp_path / "one" / "bccd")
        assert copy.read_bytes() == path.read_bytes()


def test_the_error_names_an_invalid_annotation(voc, tmp_path):
    xml = voc / "BCCD_Dataset" / "BCCD" / "Annotations" / "BloodImage_00001.xml"
    good = xml.read_text()
    for bad in (good.replace("RBC", "Xbc"), good.replace("<xmin>1<", "<xmin>?<"), good[:-5]):
        xml.write_text(bad)
        with pytest.raises(ValueError, match=r"BloodImage_00001\.xml"):
            convert_voc(voc, tmp_path / "bccd")


def test_the_error_names_a_missing_image(voc, tmp_path):
    (voc / "BCCD_Dataset" / "BCCD" / "JPEGImages" / "BloodImage_00002.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"BloodImage_00002\.jpg is missing"):
        convert_voc(voc, tmp_path / "bccd")


def test_a_name_that_leaves_the_folder_is_an_error(voc, tmp_path):
    convert_voc(voc, tmp_path / "one")
    file = tmp_path / "one" / "annotations" / "train.json"
    file.write_text(file.read_text().replace("BloodImage_00002.jpg", "../evil.jpg"))
    with pytest.raises(ValueError, match="leaves its folder"):
        bccd.from_coco(open_tree(tmp_path / "one"), "", tmp_path / "two")


def test_other_categories_are_an_error(voc, tmp_path):
    convert_voc(voc, tmp_path / "one")
    file = tmp_path / "one" / "annotations" / "val.json"
    file.write_text(file.read_text().replace("Platelets", "platelet"))
    with pytest.raises(ValueError, match=r"val\.json has the categories"):
        bccd.from_coco(open_tree(tmp_path / "one"), "", tmp_path / "two")
