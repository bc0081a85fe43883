import pytest

from mmdense.data.checks.coco import check_coco

TRIANGLE = [10, 10, 30, 10, 20, 30]


def check(segmentation, masks=True, **size):
    """Return the problems of one object in an image of 6x4 pixels."""
    annotation = dict(id=7, image_id=3, category_id=1, bbox=[1, 1, 2, 2], area=4, iscrowd=0)
    if segmentation is not ...:
        annotation["segmentation"] = segmentation
    coco = dict(
        images=[dict(id=3, file_name="a.jpg", width=6, height=4)],
        annotations=[annotation],
        categories=[dict(id=1, name="cat")],
    )
    return check_coco(coco, "a.json", masks=masks)


@pytest.mark.parametrize(
    "segmentation",
    [
        [TRIANGLE],
        [TRIANGLE, [1.5, 2, 3, 4, 5, 6, 7, 8]],
        dict(size=[4, 6], counts="04l"),
        dict(size=[4, 6], counts=[3, 20, 1]),
    ],
)
def test_a_valid_segmentation(segmentation):
    assert check(segmentation) == []


@pytest.mark.parametrize(
    ("segmentation", "level", "problem"),
    [
        (..., "error", "is missing or empty"),
        (None, "error", "is missing or empty"),
        ([], "error", "is missing or empty"),
        ({}, "error", "is missing or empty"),
        ("polygon", "error", "is a str"),
        ([[1, 2, 3, 4]], "error", "a polygon has 4 numbers"),
        ([[1, 2, 3, 4, 5, 6, 7]], "error", "a polygon has 7 numbers"),
        ([[]], "error", "a polygon has 0 numbers"),
        (TRIANGLE, "error", "a polygon is a int"),
        ([[1, 2, 3, 4, 5, "6"]], "error", "not a number"),
        ([[1, 2, 3, 4, 5, float("nan")]], "error", "not finite"),
        ([TRIANGLE, [1, 2, 3, 4]], "note", "a polygon has 4 numbers"),  # one remains
        (
            dict(size=[6, 4], counts="04l"),
            "error",
            "has size [6, 4] (height, width), but the image is [4, 6]",
        ),
        (dict(size=[4, 6]), "error", "has size [4, 6] and counts of type NoneType"),
        (dict(size=24, counts="04l"), "error", "has size 24 and counts of type str"),
        (dict(size=[4, 6], counts=[3, 20]), "error", "23, not 4 * 6"),
        (dict(size=[4, 6], counts=[3, "20"]), "error", "counts that are not numbers"),
    ],
)
def test_a_wrong_segmentation(segmentation, level, problem):
    [finding] = check(segmentation)
    assert (finding.level, finding.field) == (level, "segmentation")
    assert problem in finding.problem
    assert finding.where == "annotation id 7 of image id 3 (annotations[0])"
    assert check(segmentation, masks=False) == []
