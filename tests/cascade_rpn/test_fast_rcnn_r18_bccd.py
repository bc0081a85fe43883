"""Fast R-CNN learns from the files that the tool writes, on a folder in BCCD's layout."""

import contextlib
import io
import json
import pickle
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner

import mmdense  # noqa: F401
from mmdense.engine import steps

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs" / "cascade_rpn"
OBJECTS = [[8, 8, 40, 30], [50, 20, 30, 36]]  # x, y, width, height
CELLS = [dict(id=i, name=name) for i, name in enumerate(("RBC", "WBC", "Platelets"), 1)]
BEST = 40
SCALE = (144, 108)  # in place of BCCD's, for speed


def write_split(root, split, images):
    rng = np.random.default_rng(len(split))
    (root / "images" / split).mkdir(parents=True)
    records, objects = [], []
    for number in range(images):
        records.append(dict(id=number, file_name=f"{split}{number}.png", height=72, width=96))
        picture = np.kron(rng.integers(0, 256, (9, 12, 3)), np.ones((8, 8, 1)))
        cv2.imwrite(str(root / "images" / split / f"{split}{number}.png"), picture)
        for category, box in enumerate(OBJECTS, 1):
            one = dict(image_id=number, bbox=box, area=box[2] * box[3], iscrowd=0)
            objects.append(dict(one, id=len(objects) + 1, category_id=category))
    content = dict(images=records, annotations=objects, categories=CELLS)
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"{split}.json").write_text(json.dumps(content))


def dump(root, config, checkpoint, split):
    """Run the tool as the card of the config says."""
    out = root / "proposals" / f"cascade_rpn_{split}.pkl"
    arguments = [config, checkpoint, "--split", split, "--max", BEST, "--out", out]
    options = [
        f"{split}_dataloader.dataset.data_root={root}/",
        f"val_dataloader.dataset.pipeline.1.scale={SCALE}",
    ]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.setattr(steps, "available_cores", lambda: 1)
        patch.syspath_prepend(ROOT / "tools")
        patch.setattr(sys, "argv", ["tool", *map(str, arguments), "--cfg-options", *options])
        assert runpy.run_path(str(ROOT / "tools" / "dump_proposals.py"))["main"]() == 0


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Pictures, and the proposals of a Cascade RPN that has learned nothing."""
    root = tmp_path_factory.mktemp("bccd")
    write_split(root, "train", 2)
    write_split(root, "val", 1)
    config = CONFIGS / "cascade_rpn_r18_bccd.py"
    cfg = Config.fromfile(config)
    init_default_scope(cfg.default_scope)
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.save({"state_dict": model.state_dict()}, root / "rpn.pth")
    for split in ("train", "val"):
        dump(root, config, root / "rpn.pth", split)
    return root


def settings(data, work_dir):
    cfg = Config.fromfile(CONFIGS / "fast_rcnn_r18_bccd.py")
    for split in ("train", "val"):
        cfg[f"{split}_dataloader"].update(num_workers=0, persistent_workers=False)
        cfg[f"{split}_dataloader"].dataset.data_root = f"{data}/"
        for wrapper in cfg[f"{split}_dataloader"].dataset.pipeline:
            if wrapper.type == "mmdet.ProposalBroadcaster":
                wrapper.transforms[0].scale = SCALE
    cfg.train_dataloader.batch_size = 2
    cfg.val_evaluator.ann_file = f"{data}/annotations/val.json"
    cfg.test_dataloader = cfg.test_evaluator = cfg.test_cfg = None
    cfg.work_dir, cfg.experiment_name = str(work_dir), work_dir.name
    return cfg


def first_batch(dataloader, proposals):
    """The first batch with the proposals of a file; all draws are the same."""
    dataloader.dataset.proposal_file = str(proposals)
    torch.manual_seed(0)
    np.random.seed(0)
    return next(iter(Runner.build_dataloader(dataloader, seed=0)))


def test_a_step_depends_on_the_proposals(data, tmp_path):
    file = data / "proposals" / "cascade_rpn_train.pkl"
    content = pickle.loads(file.read_bytes())
    assert {len(image["bboxes"]) for image in content.values()} == {BEST}
    for image in content.values():
        image["bboxes"] = image["bboxes"] * 0.5
    (tmp_path / "smaller.pkl").write_bytes(pickle.dumps(content))
    cfg = settings(data, tmp_path / "run")
    runner = Runner.from_cfg(cfg)
    model = runner.model.train()
    optim_wrapper = runner.build_optim_wrapper(cfg.optim_wrapper)
    losses = []
    for proposals in (file, file, tmp_path / "smaller.pkl"):
        batch = model.data_preprocessor(first_batch(cfg.train_dataloader, proposals), True)
        with torch.no_grad():
            losses.append(model.parse_losses(model(**batch, mode="loss"))[0].item())
    assert losses[0] == losses[1] != losses[2]
    batch = first_batch(cfg.train_dataloader, "proposals/cascade_rpn_train.pkl")
    logged = model.train_step(batch, optim_wrapper)
    assert np.isfinite(logged["loss"].item())
    model.eval()
    model.roi_head.test_cfg.score_thr = 0.0  # what has learned nothing is sure of nothing
    (found,) = model.val_step(next(iter(Runner.build_dataloader(cfg.val_dataloader, seed=0))))
    assert len(found.pred_instances) > 0


def test_the_proposals_are_scaled_and_turned_with_the_objects(data, tmp_path):
    corners = np.array(OBJECTS, np.float32)
    corners[:, 2:] += corners[:, :2]
    content = {f"train/train{i}.png": dict(bboxes=corners, scores=np.ones(2)) for i in range(2)}
    (tmp_path / "objects.pkl").write_bytes(pickle.dumps(content))
    cfg = settings(data, tmp_path / "a")
    cfg.train_dataloader.dataset.proposal_file = str(tmp_path / "objects.pkl")
    init_default_scope(cfg.default_scope)
    dataset = Runner.build_dataloader(cfg.train_dataloader, seed=0).dataset
    np.random.seed(0)
    seen = set()
    for _ in range(24):
        sample = dataset[0]["data_samples"]
        boxes = sample.gt_instances.bboxes.tensor
        torch.testing.assert_close(sample.proposals.bboxes, boxes)
        seen.add(sample.flip_direction)
        assert boxes[0, 2] - boxes[0, 0] == pytest.approx(40 * SCALE[0] / 96)
    assert seen == {None, "horizontal", "vertical", "diagonal"}
