import copy
import logging

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, RepeatDataset
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS as MMENGINE_DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from mmdense.data.checks.skip_broken import SkipBroken, TooManyBrokenImagesError, skipping_datasets

NUMBER = 10


def reject_even(record):
    """Return None for some records, as the filters of upstream do."""
    return None if record["sample_idx"] % 2 == 0 else record


def only_index(record):
    return record["sample_idx"]


@MMENGINE_DATASETS.register_module(name="ImagesOfTest")
class Images(BaseDataset):
    """0.png to 9.png, each labelled with its index."""

    def load_data_list(self):
        return [dict(img_path=f"{self.data_root}/{i}.png", gt_label=i) for i in range(NUMBER)]

    def get_cat_ids(self, idx):
        return [self.get_data_info(idx)["gt_label"]]


@pytest.fixture
def root(tmp_path):
    for index in range(NUMBER):
        Image.fromarray(np.full((4, 4, 3), index, np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


def config(root, *more, loader="mmdense.LoadImage", hide=False, **options):
    first = dict(type=loader, ignore_empty=True) if hide else dict(type=loader)
    pipeline = [first, *(more or (only_index,))]
    return dict(type="ImagesOfTest", data_root=str(root), pipeline=pipeline, **options)


def skipping(root, *more, limit=0.5):
    inner = config(root, *more)
    return MMENGINE_DATASETS.build(dict(type="mmdense.SkipBroken", dataset=inner, limit=limit))


def damage(root, *indices):
    for index in indices:
        (root / f"{index}.png").write_bytes(b"")


def test_intact_images_are_unchanged(root):
    dataset = skipping(root)
    assert [dataset[i] for i in range(len(dataset))] == list(range(NUMBER))
    assert dataset.broken_indices() == []
    assert dataset.metainfo == dataset.dataset.metainfo
    assert dataset.get_data_info(3)["gt_label"] == 3
    assert dataset.get_cat_ids(4) == [4]


def test_the_next_intact_image_replaces_a_broken_one_for_any_random_state(root):
    damage(root, 3, 4, 9)
    for seed in (0, 1):
        np.random.seed(seed)
        dataset = skipping(root)
        # 5 replaces 3 and 4; 0 replaces 9.
        assert [dataset[i] for i in range(NUMBER)] == [0, 1, 2, 5, 5, 5, 6, 7, 8, 0]
        assert dataset.broken_indices() == [3, 4, 9]


def test_a_broken_image_is_read_and_logged_once(root, caplog):
    damage(root, 3)
    dataset = skipping(root)
    logger = MMLogger.get_instance("skip_broken_test")
    logger.addHandler(caplog.handler)
    try:
        assert [dataset[3] for _ in range(3)] == [4] * 3
    finally:
        logger.removeHandler(caplog.handler)
    [line] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "3.png: " in line.message


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_and_epochs_share_the_count(root, workers):
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
    with pytest.raises(TooManyBrokenImagesError, match="10 records"):
        skipping(root, reject_even, reject_even, lambda record: None)[0]


def test_the_error_beyond_the_limit_names_the_images(root):
    damage(root, 0, 4, 5)
    dataset = skipping(root, limit=0.2)  # allows 2 of 10
    message = r"3 of 10 .*limit=0\.2 (.|\n)*0\.png(.|\n)*5\.png"
    with pytest.raises(TooManyBrokenImagesError, match=message):
        [dataset[index] for index in range(NUMBER)]


def test_the_reason_is_read_again(root):
    damage(root, 2)
    dataset = skipping(root)
    dataset[2]
    broken = dataset.why(2)
    Image.new("RGB", (4, 4)).save(root / "2.png")
    assert "2.png: " in broken
    assert "2.png: failed in a worker" in dataset.why(2)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(limit=0), ValueError, "limit=0 "),
        (dict(limit=1), ValueError, "limit=1 "),
        (dict(test_mode=True), ValueError, "test_mode=True"),
        (dict(loader="LoadImageFromFile"), ValueError, r"LoadImageFromFile.*mmdense\.LoadImage"),
        (
            dict(hide=True),
            ValueError,
            "ignore_empty=True",
        ),
    ],
)
def test_invalid_arguments_are_errors(root, change, error, message):
    limit = change.pop("limit", 0.01)
    with pytest.raises(error, match=message):
        SkipBroken(dataset=config(root, **change), limit=limit)
    bare = Images(data_root=str(root), pipeline=[only_index])
    with pytest.raises(ValueError, match=r"Images has no mmdense\.LoadImage"):
        SkipBroken(dataset=bare)


def test_wrappers_are_outside_of_it(root):
    inner = dict(type="mmdense.SkipBroken", dataset=config(root))
    wrapper = RepeatDataset(inner, times=2)
    assert [type(found) for found in skipping_datasets(wrapper)] == [SkipBroken]
    assert wrapper[13] == 3
    with pytest.raises(TypeError, match="RepeatDataset"):
        SkipBroken(dataset=dict(type="RepeatDataset", dataset=config(root), times=2))


def test_a_copy_has_its_own_count(root):
    damage(root, 2)
    dataset = skipping(root)
    other = copy.deepcopy(dataset)
    list(DataLoader(other, batch_size=1, num_workers=1))
    assert (other.broken_indices(), dataset.broken_indices()) == ([2], [])
