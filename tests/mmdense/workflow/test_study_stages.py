"""What a study trains: the configs of its variants, and what they start from."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmdense.workflow.study_stages import CHECKPOINT, check_variants, study_stages

BASE = """
train_dataloader = dict(batch_size=4, dataset=dict(type="mmpretrain.CIFAR10", data_root="d"))
optimizer = dict(type="SGD", lr=0.1)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.py").write_text(BASE)
    (tmp_path / "other.py").write_text(BASE)
    return tmp_path


def study(*variants, **more):
    named = [{"name": f"v{number}", "label": "V", **v} for number, v in enumerate(variants)]
    options = {"base": "base.py", "seeds": [0, 1], "task": "t", "data": [{"name": "bccd"}]}
    return Config({**options, "variants": named, **more})


def planned(here, *variants, **more):
    cfg = study(*variants, **more)
    check_variants(cfg, "study.py")
    return study_stages(cfg, here / "work")


def test_a_variant_is_its_base_with_changes(here):
    stages = planned(here, {"changes": {"optimizer": {"lr": 0.5}}}, {"base": "other.py"})
    assert [(s.name, s.seed) for s in stages] == [
        ("v0/seed0", 0),
        ("v1/seed0", 0),
        ("v0/seed1", 1),
        ("v1/seed1", 1),
    ]
    cfg = Config.fromfile(stages[0].config)
    assert cfg.optimizer == {"type": "SGD", "lr": 0.5}
    assert "other.py" in Path(stages[1].config).read_text()


@pytest.mark.parametrize(("percent", "times"), [(10, 10), (1, 100), (30, 3)])
def test_a_label_fraction_is_repeated_to_as_many_steps(here, percent, times):
    stages = planned(here, {"percent": percent})
    loader = Config.fromfile(stages[0].config).train_dataloader
    assert loader == {
        "batch_size": 4,
        "dataset": {
            "type": "RepeatDataset",
            "times": times,
            "dataset": {
                "type": "mmdense.FewLabels",
                "percent": percent,
                "seed": 0,
                "dataset": {"type": "mmpretrain.CIFAR10", "data_root": "d"},
            },
        },
    }
    whole = Config.fromfile(planned(here, {"percent": 100})[0].config)
    assert whole.train_dataloader == Config.fromfile("base.py").train_dataloader


def test_what_a_variant_starts_from(here):
    before = [{"name": "ssl", "config": "other.py"}]
    stages = planned(here, {"after": "ssl"}, {"init": "some.pth"}, {}, before=before)[:4]
    assert [stage.after for stage in stages] == [None, "ssl/seed0", None, None]
    assert [stage.options for stage in stages] == [(), (), ("--init", "some.pth"), ()]
    assert stages[0].config == "other.py"
    trusted = planned(here, {"init": "some.pth"}, trust_checkpoint=True)[0]
    assert trusted.options == ("--init", "some.pth", "--trust-checkpoint")


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ({"base": "no.py"}, r"variants\[0\].base: there is no file no.py"),
        ({"changes": {"optimiser": {}}}, "changes: base.py has no optimiser"),
        ({"change": {}}, "unknown keys change; the keys are"),
        ({"after": "ssl"}, "after is 'ssl'; .*pre"),
        ({"against": "v9"}, "against is 'v9'; the variants are v0"),
        ({"init": CHECKPOINT}, "mmdense downstream CHECKPOINT"),
        ({"percent": 0}, "percent is 0"),
        ({"percent": 5, "changes": {"train_dataloader": {}}}, "percent takes a fraction"),
        ({"name": "ssl"}, "occurs twice"),
        ({"init": "a.pth", "after": "pre"}, "not both"),
        ({"before": "no.py"}, r"before\[0\].config: there is no file no.py"),
    ],
)
def test_a_variant_that_cannot_be_trained_is_refused(here, variant, words):
    before = [{"name": "pre", "config": variant.pop("before", "base.py")}]
    if variant.get("name") == "ssl":
        before += [{"name": "ssl", "config": "base.py"}]
    with pytest.raises(ValueError, match=words):
        check_variants(study(variant, before=before), "study.py")
