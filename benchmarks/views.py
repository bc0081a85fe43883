"""Views of SimSiam and DINO: a batch at a time, and with the transforms of MMPretrain.

Both sides use two workers and two threads, and return normalised batches. Views of 32 px are from
decoded images in memory; views of 224 px from JPEG files with a short side of 256 px, cut from
images of the scikit-image wheel. Ours makes the views of a batch in the preprocessor.
"""

import tempfile
import time
from pathlib import Path

import mmdense  # noqa: F401

# isort: split
import cv2
import mmpretrain.datasets  # noqa: F401
import numpy as np
import torch
from mmengine.dataset import Compose, default_collate
from mmengine.registry import DATASETS, DefaultScope
from mmpretrain.models.utils import SelfSupDataPreprocessor
from torch.utils.data import DataLoader, Dataset

from benchmarks.timing import result
from mmdense.data.collage.photos import PHOTOS
from mmdense.data.read_image import read_image
from mmdense.data.views.image_batch import collate_images
from mmdense.data.views.multi_view_preprocessor import MultiViewPreprocessor
from mmdense.machine import keep_freed_memory

ROUNDS = 4  # the first one warms up
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


class _Decoded(Dataset):
    def __init__(self, number, side, transform):
        generator = np.random.default_rng(0)
        small = generator.integers(0, 256, (number, side // 8, side // 8, 3), dtype=np.uint8)
        self.images = small.repeat(8, axis=1).repeat(8, axis=2)
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(dict(img=self.images[index], img_shape=self.images.shape[1:3]))


def _pack(record):
    return dict(inputs=torch.from_numpy(record["img"].transpose(2, 0, 1).copy()), data_samples=0)


def _write_images(folder, number):
    """Write JPEG files of 341x256, cut from natural images."""
    import skimage

    root = Path(skimage.__file__).parent / "data"
    sources = [read_image(root / name) for names in PHOTOS.values() for name in names]
    draw = np.random.default_rng(0)
    for index in range(number):
        source = sources[index % len(sources)]
        height = int(min(source.shape[0], source.shape[1] * 3 / 4) * draw.uniform(0.6, 1))
        width = int(height * 4 / 3)
        top = draw.integers(source.shape[0] - height + 1)
        left = draw.integers(source.shape[1] - width + 1)
        cut = source[top : top + height, left : left + width]
        cut = cv2.resize(cut, (341, 256), interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(folder / f"{index:04}.jpg"), cut, [cv2.IMWRITE_JPEG_QUALITY, 90])


def _files(folder, *pipeline):
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        settings = dict(data_root=str(folder), with_label=False, pipeline=list(pipeline))
        return DATASETS.build(dict(type="CustomDataset", **settings))


def _upstream_views(size, blur, scale=(0.2, 1.0), solarize=0.0):
    return [
        dict(type="RandomResizedCrop", scale=size, crop_ratio_range=scale),
        dict(
            type="RandomApply",
            transforms=[
                dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
            ],
            prob=0.8,
        ),
        dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
        dict(type="GaussianBlur", magnitude_range=(0.1, 2.0), magnitude_std="inf", prob=blur),
        dict(type="Solarize", thr=128, prob=solarize),
        dict(type="RandomFlip", prob=0.5),
    ]


def _two_views(size, blur):
    return dict(type="MultiView", num_views=2, transforms=[_upstream_views(size, blur)])


def _init_worker(worker):
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _seconds(dataset, collate, preprocessor, batch):
    loader = DataLoader(
        dataset, batch, num_workers=2, persistent_workers=True, collate_fn=collate,
        worker_init_fn=_init_worker,
    )  # fmt: skip
    while True:
        start = time.perf_counter()
        for data in loader:
            preprocessor(data, training=True)
        yield time.perf_counter() - start


def _compare(name, setting, number, ours, other):
    times = [(next(ours), next(other)) for _ in range(ROUNDS)]  # alternately, under the same load
    ours_s, other_s = (min(side) / number for side in zip(*times[1:], strict=True))
    return result(name, ours_s, other_s, other_name="MMPretrain's MultiView", setting=setting)


def run() -> list[dict]:
    torch.set_num_threads(2)
    cv2.setNumThreads(0)
    keep_freed_memory()
    upstream = SelfSupDataPreprocessor(mean=MEAN, std=STD, to_rgb=True)
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        steps = Compose([_two_views(32, 0.0), dict(type="PackInputs")])
    views = [dict(num=2, size=32, blur_prob=0.0)]
    ours = MultiViewPreprocessor(views=views, mean=MEAN, std=STD, to_rgb=True)
    rows = [
        _compare(
            "Two views of 32 px, an image",
            "2048 decoded images of 32 px, batch 256, two workers on two cores",
            2048,
            _seconds(_Decoded(2048, 32, _pack), default_collate, ours, 256),
            _seconds(_Decoded(2048, 32, steps), default_collate, upstream, 256),
        )
    ]
    with tempfile.TemporaryDirectory() as name:
        folder, number = Path(name), 1024
        _write_images(folder, number)
        ours = MultiViewPreprocessor(
            views=[dict(num=2, size=224)], mean=MEAN, std=STD, to_rgb=False
        )
        images = _files(folder, dict(type="mmdense.LoadImage"), dict(type="mmdense.PackImage"))
        load = dict(type="LoadImageFromFile")
        views = _files(folder, load, _two_views(224, 0.5), dict(type="PackInputs"))
        rows.append(
            _compare(
                "Two views of 224 px from JPEG, an image",
                "1024 files of 341x256, batch 64, two workers on two cores",
                number,
                _seconds(images, collate_images, ours, 64),
                _seconds(views, default_collate, upstream, 64),
            )
        )
        large, small = dict(size=224, crop_scale=(0.25, 1.0)), dict(size=96, num=8)
        ours = MultiViewPreprocessor(
            views=[
                dict(large, blur_prob=1.0),
                dict(large, blur_prob=0.1, solarize_prob=0.2),
                dict(small, crop_scale=(0.05, 0.25)),
            ],
            mean=MEAN,
            std=STD,
            to_rgb=False,
        )
        crops = dict(
            type="MultiView",
            num_views=[1, 1, 8],
            transforms=[
                _upstream_views(224, 1.0, scale=(0.25, 1.0)),
                _upstream_views(224, 0.1, scale=(0.25, 1.0), solarize=0.2),
                _upstream_views(96, 0.5, scale=(0.05, 0.25)),
            ],
        )
        views = _files(folder, load, crops, dict(type="PackInputs"))
        rows.append(
            _compare(
                "Multi-crop from JPEG, 2 views of 224 px and 8 of 96 px, an image",
                "1024 files of 341x256, batch 64, two workers on two cores",
                number,
                _seconds(images, collate_images, ours, 64),
                _seconds(views, default_collate, upstream, 64),
            )
        )
    return rows
