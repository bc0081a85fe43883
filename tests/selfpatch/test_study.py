"""The study of pretraining on 1,572 images: its stages, and the configs of its variants."""

import mmdense  # noqa: F401 (first: it supplies what mmdet imports)

# isort: split
from collections import Counter

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from mmdense.config.check import check_config
from mmdense.workflow.study import Study
from tests.small_training import ROOT

METHODS = ("dino", "selfpatch", "simsiam")


@pytest.fixture
def study(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)

    def build(**options):
        path = ROOT / "configs/pipelines/selfpatch_study.py"
        return Study.from_file(path, work_dir=tmp_path, options=options)

    return build


def test_every_method_is_pretrained_and_compared_on_both_tasks(study):
    stages = study().stages
    assert Counter(stage.task for stage in stages) == {"pretrain": 3 * 3, "transfer": 3 * 16}
    for stage in stages:
        method = stage.variant.split("_")[1] if stage.task == "transfer" else None
        seed = stage.name.split("/")[1]
        assert stage.after == (f"{method}/{seed}" if method in METHODS else None)
    assert len({stage.config for stage in stages}) == 3 + 16


def test_a_frozen_backbone_and_cascade_rpn_by_options(study, tmp_path):
    tasks = ["camvid_frozen", "bccd_cascade_rpn"]
    stages = study(tasks=tasks, seeds=[0], percents=[10]).stages
    assert len(stages) == 3 + 2 * 4
    for task, learns in zip(tasks, (False, True), strict=True):
        cfg = Config.fromfile(tmp_path / f"{task}_dino_10" / "config.py")
        assert cfg.train_dataloader.dataset.dataset.percent == 10
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            assert check_config(cfg) == []
            model = MODELS.build(cfg.model)
        model.train()
        assert {weight.requires_grad for weight in model.backbone.parameters()} == {learns}
