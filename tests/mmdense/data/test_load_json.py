import json

import pytest

from mmdense.data.load_json import load_json


def test_the_content_is_returned(tmp_path):
    (tmp_path / "a.json").write_text('{"name": "Bär"}', encoding="utf-8")
    assert load_json(tmp_path / "a.json") == {"name": "Bär"}


def test_the_error_names_a_truncated_file_and_the_line(tmp_path):
    whole = json.dumps(dict(images=[dict(id=i, file_name=f"{i}.jpg") for i in range(9)]), indent=1)
    for cut in (0.2, 0.5, 0.9):
        text = whole[: int(len(whole) * cut)].rstrip()
        (tmp_path / "a.json").write_text(text)
        line = text.count("\n") + 1
        with pytest.raises(ValueError, match=rf"a\.json, line {line}, column \d+: .*truncated"):
            load_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", r"a\.json: .* empty"),
        (b'{"a": 1,\n "b": nil}', r"a\.json, line 2, column 7: .*JSON"),
        (b"\xff\xd8\xff\xe0", r"a\.json: .*text"),
    ],
)
def test_the_error_names_a_file_that_is_not_json(tmp_path, content, message):
    with pytest.raises(FileNotFoundError, match=r"a\.json"):
        load_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_json(tmp_path / "a.json")
