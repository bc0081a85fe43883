"""The hook over real runs of a toy model, and over two ranks."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from mmengine.evaluator import BaseMetric, Evaluator
from mmengine.model import BaseModel
from mmengine.runner import Runner
from PIL import Image

from mmdense.data.checks.skip_broken import SkipBroken, TooManyBrokenImagesError
from mmdense.engine.broken_images import FILE_NAME, BrokenImagesHook
from tests.two_processes import in_two_processes

IMAGES = 8


class Images(BaseDataset):
    def load_data_list(self):
        return [dict(img_path=f"{self.data_root}/{i}.png") for i in range(IMAGES)]


def pack(record):
    return dict(inputs=torch.from_numpy(record["img"]).float().mean(), data_samples=0)


class Toy(BaseModel):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, inputs, data_samples, mode):
        return {"loss": (self.weight * torch.stack(inputs)).mean()} if mode == "loss" else inputs


class Nothing(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return {}


@pytest.fixture
def root(tmp_path):
    for index in range(IMAGES):
        Image.fromarray(np.full((4, 4, 3), index, np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


def skipping(root, limit=0.5):
    dataset = Images(data_root=str(root), pipeline=[dict(type="mmdense.LoadImage"), pack])
    return SkipBroken(dataset=dataset, limit=limit)


def loader(dataset, workers=0):
    return dict(
        batch_size=2,
        num_workers=workers,
        dataset=dataset,
        sampler=dict(type="DefaultSampler", shuffle=False),
        collate_fn=dict(type="pseudo_collate"),
    )


def run(root, dataset, train_cfg, workers=0, **options):
    runner = Runner(
        model=Toy(),
        work_dir=str(root / "work"),
        train_dataloader=loader(dataset, workers),
        optim_wrapper=dict(optimizer=dict(type="SGD", lr=0.0)),
        train_cfg=train_cfg,
        custom_hooks=[dict(type="mmdense.BrokenImagesHook")],
        default_hooks=dict(checkpoint=None),
        experiment_name=f"broken_{root.name}",
        default_scope="mmengine",
        cfg=Config(),
        **options,
    )
    runner.train()
    return "".join(path.read_text() for path in (root / "work").rglob("*.log"))


def test_each_epoch_ends_with_the_count_and_the_names(root):
    (root / "2.png").write_bytes(b"")
    (root / "5.png").unlink()
    log = run(root, skipping(root), dict(by_epoch=True, max_epochs=2), workers=2)
    assert log.count("2 of 8 images are broken and were replaced:") == 2
    listed = (root / "work" / FILE_NAME).read_text().splitlines()
    assert len(listed) == 2
    assert "2.png: the file is empty" in listed[0]
    assert "5.png: " in listed[1]
    assert all(line in log for line in listed)


def test_a_clean_run_reports_none_and_removes_an_old_list(root):
    (root / "work").mkdir()
    (root / "work" / FILE_NAME).write_text("of an earlier run\n")
    log = run(root, skipping(root), dict(by_epoch=True, max_epochs=1))
    assert "0 of 8 images are broken" in log
    assert not (root / "work" / FILE_NAME).exists()


def test_without_a_data_set_that_skips_nothing_is_reported(root):
    plain = Images(data_root=str(root), pipeline=[dict(type="mmdense.LoadImage"), pack])
    assert "images are broken" not in run(root, plain, dict(by_epoch=True, max_epochs=1))


def test_a_run_in_iterations_reports_before_a_validation_what_is_new(root):
    (root / "1.png").write_bytes(b"")
    plain = Images(data_root=str(root), pipeline=[dict(type="mmdense.LoadImage"), pack])
    log = run(
        root,
        skipping(root),
        dict(by_epoch=False, max_iters=6, val_interval=2),
        val_dataloader=loader(torch.utils.data.Subset(plain, [0, 2])),
        val_cfg=dict(),
        val_evaluator=Evaluator(Nothing()),
    )
    # At the first validation, and at the end of the run; not at the second and third validation.
    assert log.count("1 of 8 images are broken and were replaced:") == 2


def test_too_many_stop_the_run(root):
    for index in (1, 3, 4):
        (root / f"{index}.png").write_bytes(b"")
    with pytest.raises(TooManyBrokenImagesError, match="3 of 8 .* limit=0.25"):
        run(root, skipping(root, limit=0.25), dict(by_epoch=True, max_epochs=1))


def test_ranks_are_added_up_and_stop_together(root):
    for index in (0, 3, 5):
        (root / f"{index}.png").write_bytes(b"")

    def read():
        rank = torch.distributed.get_rank()
        dataset = skipping(root, limit=0.25)  # two of eight
        for index in range(rank, IMAGES, 2):
            dataset[index]
        alone = dataset.broken_indices()
        hook = BrokenImagesHook()
        hook._datasets = [dataset]
        with pytest.raises(TooManyBrokenImagesError, match="3 of 8 "):
            hook.after_train_epoch(SimpleNamespace(rank=rank, iter=4, work_dir=str(root)))
        return alone

    # Rank 0 reads 0, 2, 4, 6 (and 1 for 0), rank 1 reads 1, 3, 5, 7 (and 4 for 3, 6 for 5): each
    # alone is within the limit.
    (root / "group").mkdir()
    assert in_two_processes(read, root / "group") == [[0], [3, 5]]
    assert len((root / FILE_NAME).read_text().splitlines()) == 3
