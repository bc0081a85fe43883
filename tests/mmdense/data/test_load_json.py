import json

import pytest

from mmdense.data.load_json import load_json


def test_the_content_is_returned(tmp_path):
    (tmp_path / "a.json").write_text('{"name": "Bär"}', encoding="utf-8")
    assert load_json(tmp_path / "a.json") == {"name": "Bär"}


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9])
def test_the_error_names_a_truncated_file_and_the_line(tmp_path, cut):
    text = json.dumps(dict(images=[dict(id=i, file_name=f"{i}.jpg") for i in range(9)]), indent=1)
    text = text[: int(len(text) * cut)].rstrip()
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match=r"a\.json, line (\d+), column \d+: .*truncated") as e:
        load_json(tmp_path / "a.json")
    assert f"line {text.count(chr(10)) + 1}," in str(e.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.json: .* empty"),
        (b" \n", r"a\.json: .* empty"),
        (b'{"a": 1,\n "b": nil}', r"a\.json, line 2, column 7: .*JSON"),
        (b"\xff\xd8\xff\xe0", r"a\.json: .*text"),
    ],
)
def test_the_error_names_a_file_that_is_not_json(tmp_path, content, message):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_json(tmp_path / "a.json")


def test_the_error_names_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.json"):
        load_json(tmp_path / "a.json")
