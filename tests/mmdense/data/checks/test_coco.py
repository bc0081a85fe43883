import pytest

from mmdense.data.checks.coco import check_coco


def sound():
    """One 100x80 picture with one object of each of two classes; nothing is wrong with it."""
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


def test_nothing_is_found_in_a_sound_file():
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
            "error: a.json: image id 1 (images[1]): id: 1 is the id of an entry before; ",
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
            "error: a.json: category id 2 (categories[1]): name: 'cat' is the name of a category",
        ),
        (change("categories", 0, name=7), "(categories[0]): name: is 7; a name is text"),
        (change("images", 0, id=None), "(images[0]): id: is None; an id is a whole number"),
        (change("images", 0, id=[1]), "(images[0]): id: is [1]; an id is a whole number"),
        (change("images", 0, id=1.5), "(images[0]): id: is 1.5; an id is a whole number"),
        (
            remove("images", 0, "width"),
            "error: a.json: image id 1 (images[0]): width: is missing; add the field",
        ),
        (remove("images", 0, "id"), "image id missing (images[0]): id: is missing"),
        (remove("annotations", 0, "bbox"), "(annotations[0]): bbox: is missing"),
        (remove("annotations", 0, "area"), "(annotations[0]): area: is missing"),
        (remove("annotations", 0, "image_id"), "id 1 (annotations[0]): image_id: is missing"),
        (remove("annotations", 0, "category_id"), "(annotations[0]): category_id: is missing"),
        (remove("categories", 0, "name"), "(categories[0]): name: is missing"),
        (append("images", "b.jpg"), "error: a.json: images[1]: images: is a str; an entry is"),
        (append("annotations", None), "annotations[2]: annotations: is a NoneType; an entry is"),
    ],
)
def test_a_wrong_entry_is_named_with_its_field(apply, expected):
    coco = sound()
    apply(coco)
    found = shown(check_coco(coco, "a.json"))
    assert any(expected in line for line in found), found


@pytest.mark.parametrize(
    ("coco", "expected"),
    [
        ([], "error: a.json: file: holds a list; a COCO file is an object with images"),
        ({}, "error: a.json: images: is missing; a COCO file has a list of images"),
        (dict(sound(), images={}), "error: a.json: images: is a dict; "),
        (dict(sound(), images=[]), "error: a.json: images: there is none; "),
        (dict(sound(), annotations=[]), "error: a.json: annotations: there is none; "),
        (dict(sound(), categories=None), "error: a.json: categories: is a NoneType; "),
    ],
)
def test_a_file_of_another_shape_is_an_error(coco, expected):
    assert any(line.startswith(expected) for line in shown(check_coco(coco, "a.json")))


def test_ids_are_compared_with_their_type_and_places_are_those_of_the_file():
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
    assert note.startswith("note: a.json: annotations: there is none")


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (
            ("cat", "dog", "cow"),
            ["error: a.json: categories: there are 'cat', 'dog'; not among them, of the config:"],
        ),
        (("cat",), ["note: a.json: categories: 'dog' is not a class of the config; its objects"]),
        (("dog", "cat"), ["error: a.json: categories: their order is 'cat', 'dog', which is not"]),
        (None, []),
    ],
)
def test_classes_of_the_config(classes, expected):
    found = shown(check_coco(sound(), "a.json", classes=classes))
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))


def test_many_classes_are_one_finding():
    classes = [f"c{number}" for number in range(80)]
    [error, *notes] = shown(check_coco(sound(), "a.json", classes=classes))
    assert "of the config: 'c0', 'c1', " in error
    assert "'c9', ... (80); set metainfo" in error
    assert len(notes) == 2
