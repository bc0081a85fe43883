import pytest

from mmdense.transfer.dialects import DIALECTS
from mmdense.transfer.templates import fill_template, match_template, prefix_before


@pytest.mark.parametrize(
    ("template", "name", "fields"),
    [
        ("layers.{i}.ln1.*", "layers.12.ln1.weight", {"i": 12, "rest": "weight"}),
        ("layers.{i}.ln1.*", "layers.12.ln10.weight", None),
        ("layers.{i}.ln1.*", "xlayers.1.ln1.weight", None),
        ("layers.{i+1}.downsample.*", "layers.3.downsample.norm.bias", {"i": 2}),
        ("layers.{i+1}.downsample.*", "layers.0.downsample.norm.bias", None),
        ("conv1.weight", "conv1.weight", {}),
        ("conv1.weight", "conv1xweight", None),
    ],
)
def test_names_are_read(template, name, fields):
    found = match_template(template, name)
    assert (found is None) == (fields is None)
    if fields is not None:
        assert fields.items() <= found.items()
        assert fill_template(template, found) == name


def test_what_stands_before_a_name():
    assert prefix_before("layer1.{i}.conv1.weight", "module.q.layer1.0.conv1.weight") == "module.q."
    assert prefix_before("4.{i}.conv1.weight", "x.layer4.0.conv1.weight") is None
    assert prefix_before("cls_token", "cls_token") == ""


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_both_sides_of_every_row_have_the_same_fields(dialect):
    for row in dialect.rows:
        own = row.own.replace("{c}", "0").replace("{i}", "3").replace("{i+1}", "4")
        own = own.replace("{j}", "1").replace("*", "weight")
        fields = match_template(row.own, own)
        assert fields is not None, row
        fill_template(row.canonical, fields)
