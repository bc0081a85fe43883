"""Boxes of folders in the formats of COCO and VOC."""

import json

import numpy as np
import pytest
from PIL import Image

from mmdense.config.usage_error import UsageError
from mmdense.evaluation.dense.data_folders import open_data

XML = """<annotation>
<object><name>dog</name><difficult>1</difficult><bndbox>
<xmin>{}</xmin><ymin>2</ymin><xmax>5</xmax><ymax>6</ymax></bndbox></object>
<object><name>cat</name><bndbox>
<xmin>3</xmin><ymin>3</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></object>
</annotation>"""


def save(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((8, 9, 3), dtype=np.uint8)).save(path)


@pytest.fixture(
    params=[
        ("annotations/{}.json", "images/{}"),
        ("annotations/instances_{}2017.json", "{}2017"),
    ]
)
def coco(request, tmp_path):
    """Two images, the second without boxes, and a crowd; returns the folder and both layouts."""
    file, images = request.param
    boxes = [dict(image_id=7, bbox=[1, 2, 3, 4], iscrowd=0), dict(image_id=7, bbox=[0, 0, 8, 8])]
    content = {
        "images": [dict(id=9, file_name="b.png"), dict(id=7, file_name="a.png")],
        "annotations": [*boxes, dict(image_id=9, bbox=[0, 0, 1, 1], iscrowd=1)],
    }
    (tmp_path / "annotations").mkdir()
    for split in ("train", "val"):
        (tmp_path / file.format(split)).write_text(json.dumps(content))
        save(tmp_path / images.format(split) / "a.png")
        save(tmp_path / images.format(split) / "b.png")
    return tmp_path, file, images


def test_coco(coco):
    folder, _, images = coco
    data = open_data(str(folder))
    assert [path.name for path in data.test.paths] == ["a.png", "b.png"]
    assert data.train.paths[0] == folder / images.format("train") / "a.png"
    assert data.test.boxes[0].tolist() == [[1, 2, 4, 6], [0, 0, 8, 8]]
    assert data.test.boxes[1].shape == (0, 4)
    assert not data.test.maps


def test_bad_coco(coco):
    folder, file, images = coco
    (folder / images.format("val") / "b.png").unlink()
    with pytest.raises(UsageError, match=r"1 of 2 images are missing.*b\.png"):
        open_data(str(folder))
    (folder / file.format("val")).write_text('{"images": [{"id": 1}], "annotations": []}')
    with pytest.raises(UsageError, match="not a COCO file of boxes"):
        open_data(str(folder))


@pytest.fixture
def voc(tmp_path):
    """One image in the folder of prepared data sets; returns the folder of 2007."""
    folder = tmp_path / "voc" / "VOC2007"
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "trainval.txt").write_text("one\n")
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "one.xml").write_text(XML.format(1))
    save(folder / "JPEGImages" / "one.jpg")
    return folder


def test_voc(voc):
    data = open_data("voc", root=voc.parents[1])
    assert [path.name for path in data.test.paths] == ["one.jpg"]
    # Pixels 1 to 5 are 0 to 5 from edge to edge; the last box is one pixel.
    assert data.test.boxes[0].tolist() == [[0, 1, 5, 6], [2, 2, 3, 3]]


def test_bad_voc(voc):
    (voc / "Annotations" / "one.xml").write_text(XML.format("left"))
    with pytest.raises(UsageError, match=r"one\.xml is not a VOC annotation"):
        open_data(str(voc))
    (voc / "ImageSets" / "Main" / "trainval.txt").unlink()
    with pytest.raises(UsageError, match=r"no such list of images.*trainval\.txt"):
        open_data(str(voc))
