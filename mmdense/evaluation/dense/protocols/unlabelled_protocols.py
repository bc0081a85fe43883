"""Protocols that need no label maps: they run tasks on the functions of four pure files.

Letters: B images of a batch, N = h w patches, D channels, C labels, S side of images. For keys, h
are the heads and d the channels of one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import torch
from torch import Tensor

from mmdense.evaluation.dense.images import DenseImages
from mmdense.evaluation.dense.last_attention import (
    NoAttentionError,
    last_attention,
    last_queries_and_keys,
)
from mmdense.evaluation.dense.patch_labels import VOID
from mmdense.evaluation.dense.patches import FrozenBackbone, Patches
from mmdense.evaluation.dense.protocol import DenseTask
from mmdense.evaluation.dense.protocols.correspondence import (
    Warps,
    match_patches,
    random_warps,
    warp_images,
)
from mmdense.evaluation.dense.protocols.label_propagation import (
    Propagation,
    boundary_accuracy,
    label_map,
    propagate_video,
    region_similarity,
)
from mmdense.evaluation.dense.protocols.object_discovery import (
    Discovered,
    discover_objects,
    localised,
)
from mmdense.evaluation.dense.protocols.position_probe import probe_position
from mmdense.evaluation.features import evaluating

__all__ = [
    "Correspondence",
    "ObjectDiscovery",
    "PositionProbe",
    "PositionProbeOnGrid",
    "discovered",
    "measure_correspondence",
    "measure_discovery",
    "measure_position",
    "measure_propagation",
    "settle_discovery",
    "settle_position",
]


@dataclass(frozen=True)
class ObjectDiscovery:
    """Settings of LOST.

    Attributes:
        k: Number of patches with the fewest positive correlations.
        feature: ``keys`` of the last attention, as in the paper; ``centred``, the patch features
            minus their mean over the image, because features after a ReLU are all positive; or
            ``auto``: keys if the backbone has them.
        iou: Minimum IoU with an annotated box.

    Raises:
        ValueError: A setting is out of range.
    """

    k: int = 100
    feature: Literal["auto", "keys", "centred"] = "auto"
    iou: float = 0.5

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 < self.iou <= 1:
            raise ValueError(f"k must be positive and iou above 0 and at most 1: {self}")
        if self.feature not in ("auto", "keys", "centred"):
            raise ValueError(f"feature must be auto, keys or centred, found {self.feature!r}")


def settle_discovery(task: DenseTask, settings: ObjectDiscovery) -> ObjectDiscovery:
    """Return the settings with the feature that the backbone has."""
    if settings.feature != "auto":
        return settings
    try:
        last_attention(task.frozen.module)
    except NoAttentionError:
        return replace(settings, feature="centred")
    return replace(settings, feature="keys")


def measure_discovery(task: DenseTask, settings: ObjectDiscovery) -> dict[str, float]:
    """Return ``corloc``: percent of the images with boxes in which LOST finds one of them."""
    images = task.data.test
    found: list[Tensor] = []
    for part in _batches([i for i in range(len(images)) if len(images.boxes[i])], task.batch_size):
        if settings.feature == "keys":
            patches = _keys(task.frozen, torch.stack([images.square(i, task.size) for i in part]))
        else:
            patches = Patches(task.test.features[part], task.test.grid)
        boxes = _discovered(patches, settings).boxes.cpu()  # [B, 4]
        # Patches have the side 1 / grid of the image, so all boxes become fractions of its sides.
        objects = [
            images.boxes[i] / torch.tensor(images.image(i).shape[1::-1]).repeat(2) for i in part
        ]
        found.append(localised(boxes, objects, threshold=settings.iou))
    if not found:
        raise ValueError(f"{task.data.name} has no test image with a box")
    return {"corloc": 100 * torch.cat(found).double().mean().item()}


def discovered(frozen: FrozenBackbone, images: Tensor, settings: ObjectDiscovery) -> Discovered:
    """Return the object that LOST finds in each image; boxes are fractions of the image sides.

    Args:
        frozen: The backbone.
        images: BGR, 0 to 255. [B, 3, S, S]
        settings: With ``keys`` or ``centred``.
    """
    of = _keys if settings.feature == "keys" else FrozenBackbone.patches
    return _discovered(of(frozen, images), settings)


def _discovered(patches: Patches, settings: ObjectDiscovery) -> Discovered:
    """The object in each image from the feature of the settings."""
    features = patches.features  # [B, N, D]
    if settings.feature == "centred":
        features = features - features.mean(dim=1, keepdim=True)
    objects = discover_objects(features, patches.grid, k=settings.k)
    sides = torch.tensor(patches.grid[::-1], device=features.device).repeat(2)
    return objects._replace(boxes=objects.boxes / sides)


def _keys(frozen: FrozenBackbone, images: Tensor) -> Patches:
    """Keys of all heads in the last attention, for images [B, 3, S, S]."""
    with evaluating(frozen.module):
        found = last_queries_and_keys(frozen.module, frozen.inputs(images))
    keys = found.keys[:, :, found.extra :]  # [B, h, N, d]
    return Patches(keys.transpose(1, 2).flatten(2).float(), found.grid)  # [B, N, D]


@dataclass(frozen=True)
class Correspondence(Warps):
    """Settings of the correspondence under warps.

    Attributes:
        alphas: Largest distances of a correct match, in sides of the image.
        images: Maximum number of evenly spaced test images.

    Raises:
        ValueError: A setting is out of range.
    """

    alphas: tuple[float, ...] = (0.05, 0.1)
    images: int = 200

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.alphas or min(self.alphas) <= 0 or self.images < 1:
            raise ValueError(f"alphas and images must be positive: {self}")


def measure_correspondence(task: DenseTask, settings: Correspondence) -> dict[str, float]:
    """Return ``pck_5`` and so on: percent of the visible patches that are matched within alpha.

    Pixels outside the image are black in the warped image.
    """
    indices, plain = task.sample(settings.images)
    correct = {alpha: 0 for alpha in settings.alphas}
    visible = 0
    for part in _batches(list(range(len(indices))), task.batch_size):
        places = [indices[i] for i in part]
        pixels = torch.stack([task.data.test.square(i, task.size) for i in places])  # [B, 3, S, S]
        warps = random_warps(places, settings, seed=task.seed)  # [B, 3, 3]
        warped = task.frozen.patches(warp_images(pixels.float(), warps)).features  # [B, N, D]
        features = plain.features[part].to(warped.device)  # [B, N, D]
        matches = match_patches(features, warped, warps, plain.grid)
        visible += int(matches.visible.sum())
        for alpha in settings.alphas:
            correct[alpha] += int(matches.correct(alpha).sum())
    if not visible:
        raise ValueError(f"the warps move all patches out of the images: {settings}")
    return {f"pck_{100 * alpha:g}": 100 * hits / visible for alpha, hits in correct.items()}


def measure_propagation(task: DenseTask, settings: Propagation) -> dict[str, float]:
    """Return ``j_mean``, ``f_mean`` and their mean ``jf_mean`` over all objects, in percent.

    The score of an object is the mean over all frames but the first and the last one, as in DAVIS
    2017. Its objects are the labels in the first frame, without 0 and void (255).

    Frames keep their aspect ratio: the short side has S pixels, and both are rounded to multiples
    of the stride of the backbone (of 64 in DINO).
    """
    scores = [_video_scores(task, video, settings) for video in task.data.videos]
    j_mean, f_mean = (100 * torch.cat(scores).mean(dim=0)).tolist()
    return {"jf_mean": (j_mean + f_mean) / 2, "j_mean": j_mean, "f_mean": f_mean}


def _video_scores(task: DenseTask, video: DenseImages, settings: Propagation) -> Tensor:
    """J and F of each object of a video, [objects, 2]."""
    first = video.label_map(0)
    objects = [one for one in first.unique().tolist() if one not in (0, VOID)]
    if not objects or len(video) < 3:
        raise ValueError(
            f"{video.maps[0]}: label propagation needs an object in the first frame, and at least "
            f"three frames; found {len(objects)} objects and {len(video)} frames"
        )
    stride, grid = _frame_grid(task, (first.shape[0], first.shape[1]))
    size = grid[0] * stride, grid[1] * stride
    frames = (_resized(video, index, size) for index in range(len(video) - 1))
    small = cv2.resize(first.numpy(), grid[::-1], interpolation=cv2.INTER_NEAREST_EXACT)  # [h, w]
    labels = torch.stack([torch.from_numpy(small == one) for one in objects])  # [objects, h, w]
    labels = torch.cat([~labels.any(dim=0, keepdim=True), labels])  # [C, h, w]
    start = labels.flatten(1).T.float().to(task.frozen.device)  # [N, C]
    values = []
    features = (task.frozen.patches(frame).features[0] for frame in frames)  # [N, D] each
    found = propagate_video(start, features, grid, settings)
    for number, soft in enumerate(found, start=1):  # up to the last frame but one
        true = video.label_map(number)  # [H, W]
        predicted = label_map(soft, grid, size).to("cpu", torch.uint8).numpy()
        predicted = cv2.resize(predicted, true.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        known = true != VOID
        ours = torch.stack(
            [torch.from_numpy(predicted == place + 1) & known for place in range(len(objects))]
        )  # [objects, H, W]
        theirs = torch.stack([true == one for one in objects])  # [objects, H, W]
        values.append(
            torch.stack([region_similarity(ours, theirs), boundary_accuracy(ours, theirs)], dim=1)
        )
    return torch.stack(values).mean(dim=0)  # [objects, 2]


def _frame_grid(task: DenseTask, shape: tuple[int, int]) -> tuple[int, tuple[int, int]]:
    """Stride of the backbone in pixels, and rows and columns of patches of resized frames."""
    square = torch.zeros(1, 3, task.size, task.size)
    stride = task.size // task.frozen.patches(square).grid[0]
    rows, columns = (round(side * task.size / min(shape) / stride) for side in shape)
    return stride, (rows, columns)


def _resized(video: DenseImages, index: int, size: tuple[int, int]) -> Tensor:
    """A frame of a video at a size, BGR, [1, 3, H, W]."""
    frame = video.image(index)
    method = cv2.INTER_AREA if frame.shape[0] > size[0] else cv2.INTER_LINEAR
    resized = cv2.resize(frame, size[::-1], interpolation=method)
    return torch.from_numpy(resized).permute(2, 0, 1)[None]


@dataclass(frozen=True)
class PositionProbe:
    """Settings of the probe of the position.

    Attributes:
        strength: L2 penalty, see :func:`probe_position`.
        images: Maximum number of evenly spaced test images.

    Raises:
        ValueError: A setting is out of range.
    """

    strength: float = 1e-3
    images: int = 200

    def __post_init__(self) -> None:
        if self.strength <= 0 or self.images < 2:
            raise ValueError(f"strength must be positive and images at least 2: {self}")


@dataclass(frozen=True)
class PositionProbeOnGrid(PositionProbe):
    """The settings with the number of positions, on which R^2 depends.

    Attributes:
        grid: Rows and columns of patches, such as ``20x20``.
    """

    grid: str = ""


def settle_position(task: DenseTask, settings: PositionProbe) -> PositionProbeOnGrid:
    """Return the settings with the grid of the backbone."""
    _, (_, (rows, columns)) = task.sample(settings.images)
    return PositionProbeOnGrid(**vars(settings), grid=f"{rows}x{columns}")


def measure_position(task: DenseTask, settings: PositionProbe) -> dict[str, float]:
    """Return ``r2_row`` and ``r2_column`` in percent; a small value is better.

    Most photographs look alike on both sides and have the sky at the top. So the column shows the
    backbone alone, and the row also what images have in common.
    """
    _, (features, grid) = task.sample(settings.images)
    found = probe_position(features, grid, strength=settings.strength)
    return {"r2_row": 100 * found.row, "r2_column": 100 * found.column}


def _batches(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (indices[start : start + size] for start in range(0, len(indices), size))
