import copy
import logging

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS as HOST_DATASETS
from mmengine.registry import TRANSFORMS as HOST_TRANSFORMS
from PIL import Image
from torch.utils.data import DataLoader

from mmdense.data.checks.skip_broken import SkipBroken, TooManyBrokenImagesError, skipping_datasets

PICTURES = 10


def reject_even(record):
    """A transform that makes nothing of a record, as the hosts' filters do."""
    return None if record["sample_idx"] % 2 == 0 else record


def only_index(record):
    return record["sample_idx"]


@HOST_DATASETS.register_module(name="PicturesOfTest")
class Pictures(BaseDataset):
    """0.png to 9.png, each with its index as the label."""

    def load_data_list(self):
        return [dict(img_path=f"{self.data_root}/{i}.png", gt_label=i) for i in range(PICTURES)]

    def get_cat_ids(self, idx):
        return [self.get_data_info(idx)["gt_label"]]


@pytest.fixture
def root(tmp_path):
    for index in range(PICTURES):
        Image.fromarray(np.full((4, 4, 3), index, np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


def config(root, *more, loader="mmdense.LoadImage", **options):
    pipeline = [dict(type=loader), *(more or (only_index,))]
    return dict(type="PicturesOfTest", data_root=str(root), pipeline=pipeline, **options)


def skipping(root, *more, limit=0.5):
    return SkipBroken(dataset=config(root, *more), limit=limit)


def damage(root, *indices):
    for index in indices:
        (root / f"{index}.png").write_bytes(b"")


def test_whole_pictures_are_what_the_data_set_gives(root):
    dataset = skipping(root)
    assert [dataset[i] for i in range(len(dataset))] == list(range(PICTURES))
    assert dataset.broken_indices() == []
    assert dataset.metainfo == dataset.dataset.metainfo
    assert dataset.get_data_info(3)["gt_label"] == 3
    assert dataset.get_cat_ids(4) == [4]


def test_the_next_whole_picture_takes_the_place_whatever_the_random_state(root):
    damage(root, 3, 4, 9)
    for seed in (0, 1):
        np.random.seed(seed)
        dataset = skipping(root)
        # 3 and 4 become 5; 9 begins again with 0.
        assert [dataset[i] for i in range(PICTURES)] == [0, 1, 2, 5, 5, 5, 6, 7, 8, 0]
        assert dataset.broken_indices() == [3, 4, 9]


def test_a_broken_picture_is_read_and_logged_once(root, caplog):
    damage(root, 3)
    dataset = skipping(root)
    logger = MMLogger.get_instance("skip_broken_test")
    logger.addHandler(caplog.handler)
    try:
        assert [dataset[3] for _ in range(3)] == [4] * 3
    finally:
        logger.removeHandler(caplog.handler)
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "skipped: " in line.message
    assert "3.png: the file is empty" in line.message


@pytest.mark.parametrize("workers", [0, 2])
def test_the_count_holds_over_workers_and_epochs(root, workers):
    damage(root, 1, 6, 8)
    dataset = skipping(root)
    loader = DataLoader(dataset, batch_size=1, num_workers=workers, persistent_workers=workers > 0)
    for _ in range(2):
        assert torch.cat(list(loader)).tolist() == [0, 2, 2, 3, 4, 5, 7, 7, 9, 9]
    assert dataset.broken_indices() == [1, 6, 8]  # in this process, not in a worker's copy


def test_a_rejected_record_is_replaced_without_being_counted(root):
    damage(root, 1)
    dataset = skipping(root, reject_even, only_index)
    assert [dataset[i] for i in range(4)] == [3, 3, 3, 3]  # 0 and 2 rejected, 1 broken
    assert dataset.broken_indices() == [1]
    with pytest.raises(TooManyBrokenImagesError, match="rejects every one of 10 records"):
        skipping(root, reject_even, reject_even, lambda record: None)[0]


def test_more_than_the_limit_stops_and_names_the_first(root):
    damage(root, 0, 4, 5)
    dataset = skipping(root, limit=0.2)  # 2 of 10 pass, a third does not
    message = (
        r"3 of 10 pictures are broken, more than limit=0\.2 (.|\n)*0\.png: the file is empty"
        r"(.|\n)*5\.png"
    )
    with pytest.raises(TooManyBrokenImagesError, match=message):
        [dataset[index] for index in range(PICTURES)]


def test_without_skipping_the_first_broken_picture_stops_and_is_named(root):
    damage(root, 7)
    dataset = HOST_DATASETS.build(config(root))
    with pytest.raises(ValueError, match=r"7\.png: the file is empty"):
        list(DataLoader(dataset, batch_size=1, num_workers=1))


def test_the_reason_is_read_again(root):
    damage(root, 2)
    dataset = skipping(root)
    dataset[2]
    assert "2.png: the file is empty" in dataset.why(2)
    Image.new("RGB", (4, 4)).save(root / "2.png")
    assert "2.png: failed in a worker but can be read now" in dataset.why(2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(limit=0), ValueError, "limit=0 is a share between 0 and 1"),
        (dict(limit=1), ValueError, "limit=1 is a share"),
        (dict(test_mode=True), ValueError, "test_mode=True; an evaluation counts each"),
        (dict(loader="LoadImageFromFile"), ValueError, r"write dict\(type='mmdense\.LoadImage'\)"),
        (dict(loader="mmcv.Normalize"), ValueError, "PicturesOfTest.* has no mmdense"),
    ],
)
def test_what_cannot_work_is_said_at_once(root, change, error, message):
    limit = change.pop("limit", 0.01)
    if change.get("loader") == "mmcv.Normalize":
        inner = Pictures(data_root=str(root), pipeline=[only_index])
        message = "Pictures has no mmdense"
    else:
        inner = config(root, **change)
    with pytest.raises(error, match=message):
        SkipBroken(dataset=inner, limit=limit)


def test_a_loader_that_hides_broken_pictures_is_refused(root):
    dataset = config(root)
    dataset["pipeline"][0]["ignore_empty"] = True
    with pytest.raises(ValueError, match="ignore_empty=True, which hides broken pictures"):
        SkipBroken(dataset=dataset)


def test_wrappers_go_around_it(root):
    inner = dict(type="mmdense.SkipBroken", dataset=config(root))
    wrapper = RepeatDataset(inner, times=2)
    assert [type(found) for found in skipping_datasets(wrapper)] == [SkipBroken]
    assert wrapper[13] == 3
    with pytest.raises(TypeError, match="dataset is a RepeatDataset; put SkipBroken inside"):
        SkipBroken(dataset=dict(type="RepeatDataset", dataset=config(root), times=2))


def test_a_copy_counts_on_its_own(root):
    damage(root, 2)
    dataset = skipping(root)
    other = copy.deepcopy(dataset)
    list(DataLoader(other, batch_size=1, num_workers=1))
    assert (other.broken_indices(), dataset.broken_indices()) == ([2], [])


def test_it_is_built_by_name(root):
    assert "LoadImage" in HOST_TRANSFORMS.build(dict(type="mmdense.LoadImage")).__class__.__name__
    built = HOST_DATASETS.build(dict(type="mmdense.SkipBroken", dataset=config(root)))
    assert isinstance(built, SkipBroken)
    assert built.limit == 0.01
