import pytest
from mmengine.config import Config

from mmdense.engine.start import start_from, take_strict_init


def test_the_tools_load_after_everything_else():
    model = {
        "backbone": {
            "type": "mmdet.SwinTransformer",
            "init_cfg": {"type": "StrictPretrained", "checkpoint": "a.pth", "allow": ["norm0.*"]},
        },
        "neck": {"init_cfg": {"type": "Xavier"}},
        "teacher": {"backbone": {"init_cfg": {"type": "StrictPretrained", "checkpoint": "b.pth"}}},
    }
    assert take_strict_init(model) == [
        {"module": "backbone", "checkpoint": "a.pth", "allow": ["norm0.*"]},
        {"module": "teacher.backbone", "checkpoint": "b.pth"},
    ]
    assert model["backbone"]["init_cfg"] is None
    assert model["neck"]["init_cfg"] == {"type": "Xavier"}


@pytest.mark.parametrize(
    ("init", "load_from", "modules"),
    [
        ("a.pth", None, [None]),
        (None, "b.pth", [""]),
        ("a.pth", "b.pth", ["", None]),
        (None, None, []),
    ],
)
def test_what_the_command_line_and_the_config_name_is_loaded_strictly(init, load_from, modules):
    cfg = Config({"model": {}, "load_from": load_from, "custom_hooks": [{"type": "Own"}]})
    start_from(cfg, init, ["heads"])
    assert cfg.load_from is None
    assert [hook.get("module") for hook in cfg.custom_hooks[1:]] == modules
    for hook in cfg.custom_hooks[1:]:
        assert hook["type"] == "mmdense.LoadBackboneHook" and hook["allow"] == ["heads"]
