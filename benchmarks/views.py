"""Two SimSiam views of each image: on the batch, against MMPretrain's transforms a sample.

Both sides start from decoded uint8 images in memory, have two workers and two threads, and end with
normalised batches. Ours hands whole images over and makes the views in the data preprocessor.
"""

import time

import mmdense  # noqa: F401

# isort: split
import mmpretrain.datasets  # noqa: F401
import numpy as np
import torch
from mmengine.dataset import Compose, default_collate
from mmengine.registry import DefaultScope
from mmpretrain.models.utils import SelfSupDataPreprocessor
from torch.utils.data import DataLoader, Dataset

from mmdense.data.two_view_preprocessor import TwoViewPreprocessor

ROUNDS = 3
NORMALISATION = dict(mean=(123.675, 116.28, 103.53), std=(58.395, 57.12, 57.375), to_rgb=True)


class _Photos(Dataset):
    def __init__(self, number, side, transform):
        generator = np.random.default_rng(0)
        small = generator.integers(0, 256, (number, side // 8, side // 8, 3), dtype=np.uint8)
        self.images = small.repeat(8, axis=1).repeat(8, axis=2)
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.transform(dict(img=self.images[index], img_shape=self.images.shape[1:3]))


def _hand_over(record):
    return dict(inputs=torch.from_numpy(record["img"].transpose(2, 0, 1).copy()), data_samples=0)


def _host_transform(size, blur):
    steps = [
        dict(type="RandomResizedCrop", scale=size, crop_ratio_range=(0.2, 1.0)),
        dict(
            type="RandomApply",
            transforms=[
                dict(type="ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
            ],
            prob=0.8,
        ),
        dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
        dict(type="GaussianBlur", magnitude_range=(0.1, 2.0), magnitude_std="inf", prob=blur),
        dict(type="RandomFlip", prob=0.5),
    ]
    with DefaultScope.overwrite_default_scope("mmpretrain"):
        return Compose(
            [dict(type="MultiView", num_views=2, transforms=[steps]), dict(type="PackInputs")]
        )


def _loader(dataset, batch):
    return DataLoader(
        dataset, batch, num_workers=2, persistent_workers=True, collate_fn=default_collate
    )


def _seconds(loader, preprocessor):
    start = time.perf_counter()
    for data in loader:
        preprocessor(data, training=True)
    return time.perf_counter() - start


def _compare(source, size, *, number, batch, blur):
    ours = (
        _loader(_Photos(number, source, _hand_over), batch),
        TwoViewPreprocessor(size=size, view=dict(blur_prob=blur), **NORMALISATION),
    )
    other = (
        _loader(_Photos(number, source, _host_transform(size, blur)), batch),
        SelfSupDataPreprocessor(**NORMALISATION),
    )
    times = {"ours": [], "other": []}
    for _ in range(ROUNDS):  # in turns, so that both meet the same load; the first warms up
        times["ours"].append(_seconds(*ours))
        times["other"].append(_seconds(*other))
    ours_s, other_s = min(times["ours"][1:]), min(times["other"][1:])
    return dict(
        name=f"two views of {size} px",
        ours_s=ours_s / number,
        other_s=other_s / number,
        ratio=other_s / ours_s,
        other="mmpretrain transforms, two workers",
        setting=f"{number} images of {source} px, batch {batch}, seconds an image, two cores",
    )


def run() -> list[dict]:
    torch.set_num_threads(2)
    return [
        _compare(32, 32, number=2048, batch=256, blur=0.0),
        _compare(160, 128, number=256, batch=64, blur=0.5),
    ]


if __name__ == "__main__":
    for row in run():
        print(row)
