import pytest

from mmdense.data.checks.coco import check_coco


def sound():
    """Return a valid file: one 100x80 image with one object of each of two classes."""
    return dict(
        images=[dict(id=1, file_name="a.jpg", width=100, height=80)],
        annotations=[
            dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 100, 80], area=8000, iscrowd=0),
            dict(id=2, image_id=1, category_id=2, bbox=[9.5, 0, 5.5, 7], area=30.5, iscrowd=1),
        ],
        categories=[dict(id=1, name="cat"), dict(id=2, name="dog")],
    )


def shown(findings):
    return [f"{finding.level}: {finding}" for finding in findings]


def test_a_valid_file_has_no_problems():
    assert check_coco(sound(), "a.json", classes=("cat", "dog"), evaluation=True) == []


def change(key, index, **fields):
    def apply(coco):
        coco[key][index].update(fields)

    return apply


def remove(key, index, field):
    def apply(coco):
        del coco[key][index][field]

    return apply


def append(key, entry):
    def apply(coco):
        coco[key].append(entry)

    return apply


SECOND = dict(id=1, file_name="b.jpg", width=10, height=10)


@pytest.mark.parametrize(
    ("apply", "expected"),
    [
        (
            append("images", SECOND),
            "error: a.json: image id 1 (images[1]): id: 1 is the id of",
        ),
        (
            change("annotations", 1, id=1),
            "error: a.json: annotation id 1 of image id 1 (annotations[1]): id: 1 is the id of",
        ),
        (
            change("categories", 1, id=1),
            "error: a.json: category id 1 (categories[1]): id: 1 is the id of",
        ),
        (
            change("categories", 1, name="cat"),
            "error: a.json: category id 2 (categories[1]): name: 'cat' is",
        ),
        (change("categories", 0, name=7), "(categories[0]): name: is 7"),
        (change("images", 0, id=None), "(images[0]): id: is None"),
        (change("images", 0, id=[1]), "(images[0]): id: is [1]"),
        (change("images", 0, id=1.5), "(images[0]): id: is 1.5"),
        (
            remove("images", 0, "width"),
            "error: a.json: image id 1 (images[0]): width: is missing",
        ),
        (remove("images", 0, "id"), "image id missing (images[0]): id: is missing"),
        (remove("annotations", 0, "bbox"), "(annotations[0]): bbox: is missing"),
        (remove("annotations", 0, "area"), "(annotations[0]): area: is missing"),
        (remove("annotations", 0, "image_id"), "id 1 (annotations[0]): image_id: is missing"),
        (remove("annotations", 0, "category_id"), "(annotations[0]): category_id: is missing"),
        (remove("categories", 0, "name"), "(categories[0]): name: is missing"),
        (append("images", "b.jpg"), "error: a.json: images[1]: images: is a str"),
        (append("annotations", None), "annotations[2]: annotations: is a NoneType"),
    ],
)
def test_an_error_names_the_entry_and_the_field(apply, expected):
    coco = sound()
    apply(coco)
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
        (dict(sound(), categories=None), "error: a.json: categories: is a NoneType"),
    ],
)
def test_wrong_and_empty_lists_are_errors(coco, expected):
    assert any(line.startswith(expected) for line in shown(check_coco(coco, "a.json")))


def test_ids_of_different_types_differ_and_places_refer_to_the_file():
    coco = dict(sound(), annotations=[])
    coco["categories"] = [7, *(dict(id=value, name=str(n)) for n, value in enumerate((1, "1", 1)))]
    found = check_coco(coco, "a.json", evaluation=True)
    assert [problem.where for problem in found] == [
        "categories[0]",
        "category id 1 (categories[3])",
        "",
    ]


def test_a_test_set_may_have_no_annotations():
    coco = sound()
    del coco["annotations"]
    [note] = shown(check_coco(coco, "a.json", evaluation=True))
    assert note.startswith("note: a.json: annotations: ")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (
            ("cat", "dog", "cow"),
            [("error: a.json: categories: ", "'cow'")],
        ),
        (("cat",), [("note: a.json: categories: ", "'dog'")]),
        (("dog", "cat"), [("error: a.json: categories: ", "'cat', 'dog'")]),
        (None, []),
    ],
)
def test_classes_of_the_config(classes, expected):
    found = shown(check_coco(sound(), "a.json", classes=classes))
    assert len(found) == len(expected)
    for line, (start, names) in zip(found, expected, strict=True):
        assert line.startswith(start)
        assert names in line


def test_many_missing_classes_are_one_problem():
    classes = [f"c{number}" for number in range(80)]
    [error, *notes] = shown(check_coco(sound(), "a.json", classes=classes))
    assert "'c0', 'c1', " in error
    assert "'c9', ... (80)" in error
    assert len(notes) == 2
