import json

import pytest
from PIL import Image

from mmdense.data.sets import bccd

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
    return root


def test_voc_becomes_coco(voc, tmp_path):
    target = tmp_path / "bccd"
    notes = bccd.from_voc(voc, target)
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
    assert bccd.SOURCE.count(target) == {"train": 2, "val": 1, "test": 1}


def test_the_canonical_layout_is_copied(voc, tmp_path):
    bccd.from_voc(voc, tmp_path / "one")
    notes = bccd.from_coco(tmp_path / "one", tmp_path / "two")
    assert notes == {"boxes": {"train": 2, "val": 0, "test": 1}}
    for path in (tmp_path / "one").rglob("*.*"):
        copy = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert copy.read_bytes() == path.read_bytes()


def test_errors_name_an_invalid_annotation_and_a_missing_image(voc, tmp_path):
    xml = voc / "Annotations" / "BloodImage_00001.xml"
    good = xml.read_text()
    bad = (good.replace("RBC", "Xbc"), good.replace("<xmin>1<", "<xmin>?<"), good[:-5])
    for number, text in enumerate(bad):
        xml.write_text(text)
        with pytest.raises(ValueError, match=r"BloodImage_00001\.xml"):
            bccd.from_voc(voc, tmp_path / str(number))
    (voc / "JPEGImages" / "BloodImage_00002.jpg").unlink()
    xml.write_text(good)
    with pytest.raises(FileNotFoundError, match=r"BloodImage_00002\.jpg"):
        bccd.from_voc(voc, tmp_path / "gone")


@pytest.mark.parametrize(
    ("split", "old", "new", "message"),
    [
        ("train", "BloodImage_00002.jpg", "../evil.jpg", "leaves its folder"),
        ("val", "Platelets", "platelet", r"val\.json has the categories"),
    ],
)
def test_an_invalid_coco_file_is_an_error(split, old, new, message, voc, tmp_path):
    bccd.from_voc(voc, tmp_path / "one")
    file = tmp_path / "one" / "annotations" / f"{split}.json"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(ValueError, match=message):
        bccd.from_coco(tmp_path / "one", tmp_path / "two")
