import json
import pickle

import mmdense  # noqa: F401

# isort: split
import cv2
import mmpretrain.datasets  # noqa: F401
import numpy as np
import pytest
from mmengine.runner import Runner

from mmdense.data.shards.dataset import ShardDataset
from mmdense.data.shards.write import write_shards


def make_source(folder, count=11):
    for index in range(count):
        path = folder / "ab"[index % 2] / f"{index}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (12 + index, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(path), pixels)
    return folder


@pytest.fixture
def source(tmp_path):
    return make_source(tmp_path / "source")


@pytest.fixture
def out(source, tmp_path):
    return write_shards(source, tmp_path / "out", max_samples=4)


PIPELINE = [
    dict(type="mmpretrain.Resize", scale=8),
    dict(type="mmpretrain.PackInputs"),
]


def test_records_are_the_files(source, out):
    dataset = ShardDataset(shards=str(out))
    assert dataset.shard_sizes == [4, 4, 3]
    assert dataset.metainfo == {"classes": ("a", "b")}
    seen = set()
    for index in range(len(dataset)):
        record = dataset[index]
        shard, member = record["img_path"].split(".tar/")
        assert shard == str(out / f"{index // 4:06d}")
        assert record["img_bytes"] == (source / member).read_bytes()
        assert record["gt_label"] == "ab".index(member[0])
        assert record["sample_idx"] == index
        seen.add(member)
    assert len(seen) == len(dataset) == 11
    for index in (-1, 11):
        with pytest.raises(IndexError, match="of 11"):
            dataset[index]


def test_batches_of_the_runner_equal_those_from_files(source, out):
    def batches(dataset, first):
        loader = Runner.build_dataloader(
            dict(
                batch_size=4,
                num_workers=2,
                sampler=dict(type="DefaultSampler", shuffle=False),
                collate_fn=dict(type="default_collate"),
                dataset=dict(**dataset, pipeline=[first, *PIPELINE]),
            ),
            seed=0,
        )
        inputs = {}
        for batch in loader:
            for image, sample in zip(batch["inputs"], batch["data_samples"]):
                name = "/".join(sample.img_path.split("/")[-2:])
                inputs[name] = (image.tolist(), sample.gt_label.tolist(), sample.ori_shape)
        return inputs

    shards = dict(type="mmdense.ShardDataset", shards=str(out))
    files = dict(type="mmpretrain.CustomDataset", data_root=str(source))
    found = batches(shards, dict(type="mmdense.LoadImage"))
    assert len(found) == 11
    assert found == batches(files, dict(type="LoadImageFromFile"))


def test_several_folders_are_concatenated(out, tmp_path):
    more = write_shards(make_source(tmp_path / "more", 2), tmp_path / "more_shards")
    dataset = ShardDataset(shards=[str(out), str(more)])
    assert dataset.shard_sizes == [4, 4, 3, 2]
    assert dataset[11]["img_path"].startswith(str(more))
    copy = pickle.loads(pickle.dumps(dataset))  # as spawned workers receive it
    assert copy[12]["img_bytes"] == dataset[12]["img_bytes"]
    flat = write_shards(tmp_path / "more" / "a", tmp_path / "flat")
    assert "gt_label" not in ShardDataset(shards=str(flat))[0]
    with pytest.raises(ValueError, match="classes"):
        ShardDataset(shards=[str(out), str(flat)])


def test_a_truncated_or_missing_shard_is_an_error_at_the_start(out):
    shard = out / "000001.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[:-512])
    with pytest.raises(ValueError, match=r"000001.tar has \d+ bytes"):
        ShardDataset(shards=str(out))
    shard.unlink()
    with pytest.raises(FileNotFoundError, match=r"000001.tar is missing"):
        ShardDataset(shards=str(out))
    (out / "index.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"mmdense prepare_data --shard SOURCE"):
        ShardDataset(shards=str(out))


def test_an_unsuitable_argument_is_an_error(out):
    with pytest.raises(ValueError, match="shards"):
        ShardDataset(shards=[])
    with pytest.raises(ValueError, match=r"mmdense.LoadImage"):
        ShardDataset(shards=str(out), pipeline=[dict(type="LoadImageFromFile")])
    dataset = ShardDataset(shards=str(out), pipeline=[lambda record: None])
    with pytest.raises(ValueError, match=r"000000.tar/[ab]/\d+.jpg"):
        dataset[0]
    (out / "000000.tar").write_bytes(b"shorter now")
    with pytest.raises(ValueError, match=r"000000.tar, byte \d+"):
        dataset[3]


def test_an_index_that_does_not_fit_is_an_error(out):
    rows = np.load(out / "members.npy")
    np.save(out / "members.npy", rows[:-1])
    with pytest.raises(ValueError, match=r"index\.json and members\.npy"):
        ShardDataset(shards=str(out))
    rows[:, 0] += 512  # every record starts inside an image
    np.save(out / "members.npy", rows)
    with pytest.raises(ValueError, match=r"000001.tar, byte \d+"):
        ShardDataset(shards=str(out))[5]
    index = json.loads((out / "index.json").read_text())
    (out / "index.json").write_text(json.dumps({**index, "version": 99}))
    with pytest.raises(ValueError, match="version 99"):
        ShardDataset(shards=str(out))
