"""SimSiam in miniature on arrays of coloured noise, to measure while it trains."""

import time

import torch
from mmengine.config import ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from torch.utils.data import Dataset

import mmdense  # noqa: F401

MEAN, STD = (100.0, 110.0, 120.0), (50.0, 60.0, 70.0)
PREPROCESSOR = {
    "type": "mmdense.MultiViewPreprocessor",
    "views": [{"num": 2, "size": 16}],
    "mean": MEAN,
    "std": STD,
    "to_rgb": False,
}


class Colours(Dataset):
    """Noise with one of three channels brighter, which is the class; ``labels`` may say otherwise.

    ``listed``: whether the data set can give the classes without its images.
    """

    def __init__(self, size=24, seed=0, labels=None, listed=True, draws=False):
        generator = torch.Generator().manual_seed(seed)
        self.labels = torch.arange(size) % 3 if labels is None else torch.tensor(labels)
        noise = torch.randint(0, 130, (size, 3, 16, 16), generator=generator)
        bright = torch.nn.functional.one_hot(torch.arange(size) % 3, 3)[:, :, None, None] * 60
        self.images = (noise + bright).to(torch.uint8)
        self.draws = draws  # from the global generator, as an augmentation does
        self.metainfo = {"classes": ("red", "green", "blue")}
        if listed:
            self.get_gt_labels = self.labels.numpy

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        sample = DataSample()
        if self.labels[index] != -2:  # no label at all
            sample.set_gt_label(int(self.labels[index]))
        image = self.images[index]
        return {
            "inputs": image.roll(int(torch.rand(()) * 3)) if self.draws else image,
            "data_samples": sample,
        }


class Losses(Hook):
    """The loss of every step, as exact hexadecimal text."""

    def __init__(self):
        self.losses = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append(float(outputs["loss"]).hex())


def loader(dataset, batch_size=8, **more):
    return {
        "batch_size": batch_size,
        "num_workers": 0,
        "dataset": dataset,
        "sampler": {"type": "DefaultSampler", "shuffle": True},
        "collate_fn": {"type": "default_collate"},
        **more,
    }


def model():
    return ConfigDict(
        type="mmpretrain.SimSiam",
        backbone=dict(type="mmpretrain.ResNet", depth=18, stem_channels=4, base_channels=4),
        neck=dict(
            type="mmpretrain.NonLinearNeck",
            in_channels=32,
            hid_channels=16,
            out_channels=16,
            num_layers=2,
            with_last_bn_affine=False,
            norm_cfg=dict(type="BN1d"),
        ),
        head=dict(
            type="mmpretrain.LatentPredictHead",
            loss=dict(type="mmpretrain.CosineSimilarityLoss"),
            predictor=dict(
                type="mmpretrain.NonLinearNeck",
                in_channels=16,
                hid_channels=8,
                out_channels=16,
                with_bias=True,
                with_last_bn=False,
                with_avg_pool=False,
                norm_cfg=dict(type="BN1d"),
            ),
        ),
    )


def build(work_dir, *hooks, train_cfg=None, dataset=None, **more):
    """A runner, as ``Runner.from_cfg`` makes it: 3 iterations an epoch, 2 epochs."""
    torch.set_num_threads(1)
    cfg = ConfigDict(
        model=model(),
        data_preprocessor=PREPROCESSOR,
        work_dir=str(work_dir),
        train_dataloader=loader(dataset or {"type": Colours, "draws": True}),
        test_dataloader=loader({"type": Colours, "size": 13, "seed": 1}, batch_size=5),
        test_cfg={},
        test_evaluator={"type": "mmpretrain.Accuracy"},
        train_cfg=train_cfg or {"by_epoch": True, "max_epochs": 2},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.05, "momentum": 0.9}},
        default_hooks={"logger": {"type": "LoggerHook", "interval": 1}, "checkpoint": None},
        custom_hooks=[hook for hook in hooks if isinstance(hook, dict)],
        randomness={"seed": 3},
        default_scope="mmpretrain",
        experiment_name=f"siamese{time.monotonic_ns()}",
        log_level="ERROR",
    )
    for key, value in more.items():  # update() would merge nested ones
        cfg[key] = value
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        if isinstance(hook, Hook):
            runner.register_hook(hook)
    return runner
