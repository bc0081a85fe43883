"""Fast R-CNN reads proposals from files, and moves them with the objects."""

import json
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope

import mmdense  # noqa: F401

CONFIG = Path(__file__).resolve().parents[2] / "configs" / "cascade_rpn" / "fast_rcnn_r18_bccd.py"
OBJECTS = np.array([[8, 8, 48, 38], [50, 20, 80, 56]], np.float32)  # x1, y1, x2, y2
SCALE = (144, 108)  # instead of that of BCCD, for speed


@pytest.mark.parametrize("split", ["train", "val"])
def test_proposals_are_resized_and_flipped_with_the_objects(tmp_path, split):
    file = f"{split}0.png"
    sides = np.concatenate((OBJECTS[:, :2], OBJECTS[:, 2:] - OBJECTS[:, :2]), axis=1).tolist()
    boxes = [
        dict(id=i, image_id=0, category_id=i, bbox=box, area=box[2] * box[3], iscrowd=0)
        for i, box in enumerate(sides, 1)
    ]
    content = dict(
        images=[dict(id=0, file_name=file, height=72, width=96)],
        annotations=boxes,
        categories=[dict(id=i, name=name) for i, name in enumerate(("RBC", "WBC", "Platelets"), 1)],
    )
    for folder in (f"images/{split}", "annotations", "proposals"):
        (tmp_path / folder).mkdir(parents=True)
    cv2.imwrite(str(tmp_path / "images" / split / file), np.zeros((72, 96, 3), np.uint8))
    (tmp_path / "annotations" / f"{split}.json").write_text(json.dumps(content))
    proposals = {f"{split}/{file}": dict(bboxes=OBJECTS, scores=np.ones(2, np.float32))}
    (tmp_path / f"proposals/cascade_rpn_{split}.pkl").write_bytes(pickle.dumps(proposals))

    cfg = Config.fromfile(CONFIG)
    settings = cfg[f"{split}_dataloader"].dataset
    settings.data_root = f"{tmp_path}/"
    for wrapper in settings.pipeline:
        if wrapper.type == "mmdet.ProposalBroadcaster":
            wrapper.transforms[0].scale = SCALE
    init_default_scope(cfg.default_scope)
    dataset = DATASETS.build(settings)
    np.random.seed(0)
    seen = set()
    for _ in range(24):
        sample = dataset[0]["data_samples"]
        moved = torch.from_numpy(OBJECTS * SCALE[0] / 96)
        if split == "train":
            moved = sample.gt_instances.bboxes.tensor
            seen.add(sample.flip_direction)
            assert moved[0, 2] - moved[0, 0] == pytest.approx(40 * SCALE[0] / 96)
        torch.testing.assert_close(sample.proposals.bboxes, moved)
    assert seen == ({None, "horizontal", "vertical", "diagonal"} if split == "train" else set())
