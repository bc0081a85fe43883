"""Which code a result came from: what does something else counts, what only reads otherwise not."""

import textwrap

import pytest

from mmdense.records import sources
from mmdense.records.sources import changed_sources, joined_sources, loaded_sources

CODE = """
    \"\"\"A module.\"\"\"

    def f(x):
        \"\"\"Says.

        More.
        \"\"\"
        # a remark
        if x:
            x = "# no remark"
            y = 2
        return x
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a.py").write_text(textwrap.dedent(CODE))
    return tmp_path


@pytest.mark.parametrize(
    ("old", "new", "counts"),
    [
        ("Says.", "Tells.", False),
        ("A module.", "One.\n\nTwo.", False),
        ("# a remark", "# another", False),
        ("    # a remark\n", "", False),
        ("return x", "return x  # that", False),
        ("return x", "return x + 1", True),
        ("    y = 2", "y = 2", True),  # out of the condition
        ("# no remark", "# no", True),
    ],
)
def test_what_counts_as_a_change(root, old, new, counts):
    before = {"a.py": sources._hash(root / "a.py")}
    text = (root / "a.py").read_text()
    assert old in text
    (root / "a.py").write_text(text.replace(old, new))
    assert changed_sources(before, root) == (["a.py"] if counts else [])


@pytest.mark.parametrize("expected", ["[]", '[\n    dict(metric="AP", value=0.3),\n]'])
def test_what_a_config_expects_does_not_count(root, expected):
    config = root / "config.py"
    config.write_text(f"lr = 0.1\nexpected = {expected}\nnested = dict(expected=1)\n")
    text = config.read_text()
    before = [{"config.py": sources._hash(config)}, {"config.py": sources._hash_of_text(text)}]
    assert [changed_sources(record, root) for record in before] == [[], []]  # new and older ones
    config.write_text(text.replace(f"expected = {expected}", "expected = [dict(\n    value=1)]"))
    assert changed_sources(before[0], root) == []
    for old, new in (("lr = 0.1", "lr = 0.2"), ("nested = dict(expected=1)", "nested = dict()")):
        config.write_text(text.replace(old, new))
        assert [changed_sources(record, root) for record in before] == [["config.py"]] * 2


def test_a_file_that_is_gone_has_changed(root):
    assert changed_sources({"b.py": "0"}, root) == ["b.py"]


def test_a_file_that_was_not_the_same_in_all_parts_has_changed(root):
    now = sources._hash(root / "a.py")
    joined = joined_sources([{"a.py": "old", "b.py": "b"}, {"a.py": now}, {"a.py": now}])
    assert joined == {"a.py": ["old", now], "b.py": "b"}
    assert changed_sources({"a.py": joined["a.py"]}, root) == ["a.py"]  # in whatever order
    assert changed_sources({"a.py": [now, "old"]}, root) == ["a.py"]
    same = joined_sources([{"a.py": now}, {"a.py": now}])
    assert same == {"a.py": now} and changed_sources(same, root) == []
    assert joined_sources([joined, {"a.py": "third"}])["a.py"] == ["old", now, "third"]


def test_modules_in_use_and_the_files_of_a_config():
    found = loaded_sources("configs/detection/faster_rcnn_r18_bccd.py")
    assert "configs/detection/faster_rcnn_r18_bccd.py" in found
    assert "configs/_base_/models/faster_rcnn_r18_w32_fpn64.py" in found
    assert "mmdense/__init__.py" in loaded_sources(None)
    assert not [name for name in found if name.startswith(("mmdense/records/", "tests/"))]
    assert changed_sources(found, sources._ROOT) == []
