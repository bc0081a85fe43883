"""Images of a data set with label maps, boxes, or neither, read one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from mmdense.data.read_image import read_image
from mmdense.data.sets.source import read_photo

__all__ = ["DenseData", "DenseImages"]


@dataclass(frozen=True)
class DenseImages:
    """The images of one split, in the order of their names.

    Attributes:
        paths: Image files.
        maps: File of the label map of each image: 8-bit classes, 255 for void. Empty if none.
        boxes: Boxes of each image, x1, y1, x2, y2 in pixels of the file, [G, 4]. Empty if none.
    """

    paths: Sequence[Path]
    maps: Sequence[Path] = ()
    boxes: Sequence[Tensor] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def subset(self, indices: Sequence[int]) -> "DenseImages":
        """Return these images, with their label maps and boxes."""
        return DenseImages(
            [self.paths[index] for index in indices],
            [self.maps[index] for index in indices] if self.maps else (),
            [self.boxes[index] for index in indices] if self.boxes else (),
        )

    def get_data_info(self, index: int) -> dict[str, Any]:
        """Return paths and boxes of an image, as OpenMMLab does, for a checksum of the data."""
        info: dict[str, Any] = {"img_path": str(self.paths[index])}
        if self.maps:
            info["seg_map_path"] = str(self.maps[index])
        if self.boxes:
            info["boxes"] = self.boxes[index].tolist()
        return info

    def image(self, index: int) -> np.ndarray:
        """Return an image as in the file, BGR, uint8, [h, w, 3]."""
        return read_image(self.paths[index])

    def square(self, index: int, size: int) -> Tensor:
        """Return an image resized to a square, BGR, uint8, [3, size, size]."""
        image = self.image(index)
        shrinks = max(image.shape[:2]) > size
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return torch.from_numpy(cv2.resize(image, (size, size), interpolation=method)).permute(
            2, 0, 1
        )

    def label_map(self, index: int) -> Tensor:
        """Return the label map of an image, uint8, [h, w]."""
        labels = np.array(read_photo(self.maps[index]))  # of a palette image, the indices
        if labels.ndim != 2 or labels.dtype != np.uint8:
            raise ValueError(
                f"{self.maps[index]} has {labels.dtype} of shape {labels.shape}; a label map has "
                "one 8-bit channel with the class of each pixel"
            )
        return torch.from_numpy(labels)

    def square_map(self, index: int, size: int) -> Tensor:
        """Return a label map resized by the nearest pixel, uint8, [size, size]."""
        labels = self.label_map(index).numpy()
        # INTER_NEAREST_EXACT takes the pixel at the centre, as PIL and torchvision do.
        return torch.from_numpy(
            cv2.resize(labels, (size, size), interpolation=cv2.INTER_NEAREST_EXACT)
        )


@dataclass(frozen=True)
class DenseData:
    """A data set. Without splits, ``train`` and ``test`` are the same images.

    Attributes:
        name: Name of the data set or folder.
        train: Training images.
        test: Test images.
        classes: Names of the classes of the label maps; empty if there are none.
        videos: Frames of each video, with label maps of its objects.
    """

    name: str
    train: DenseImages
    test: DenseImages
    classes: Sequence[str] = ()
    videos: Sequence[DenseImages] = ()
