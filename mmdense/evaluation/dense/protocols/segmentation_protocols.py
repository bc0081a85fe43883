"""The protocols that need label maps, from a task to metrics.

Letters: I images, N patches of an image, D channels, C classes, K neighbours, S side of an image.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from mmdense.evaluation.dense.mean_iou import confusion, mean_iou, segmentation_metrics
from mmdense.evaluation.dense.patch_labels import (
    VOID,
    majority,
    patch_pixels,
    to_shares,
    upsampled_classes,
)
from mmdense.evaluation.dense.protocol import DenseTask, Needs, Protocol
from mmdense.evaluation.dense.protocols.context_knn import memory_share, propagated, sampled_patches
from mmdense.evaluation.dense.protocols.linear_segmentation import fit_linear_head
from mmdense.evaluation.dense.protocols.overclustering import (
    hungarian,
    kmeans,
    many_to_one,
    nearest_centre,
    overlap,
)
from mmdense.evaluation.dense.protocols.patch_knn import Standardiser, voted_pixels
from mmdense.evaluation.knn import nearest_neighbours
from mmdense.evaluation.linear_probe import fit_linear_probe

__all__ = ["SEGMENTATION"]

_IMAGES = 16  # test images at a time


@dataclass(frozen=True)
class ContextKNN:
    """Settings of in-context retrieval: patches in memory, neighbours, temperature."""

    memory: int = 10240
    k: int = 30
    temperature: float = 0.02


@dataclass(frozen=True)
class PatchKNN:
    """Settings of the k-NN vote; the best of ``ks`` on a tenth of the images is used."""

    memory: int = 10240
    ks: tuple[int, ...] = (1, 3, 10, 30)
    held_out: float = 0.1
    distance: str = "cosine"
    standardised: bool = True


@dataclass(frozen=True)
class PatchLogistic:
    """Settings of logistic regression; the best of ``strengths`` on a tenth of the images."""

    memory: int = 10240
    strengths: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1)
    held_out: float = 0.1
    standardised: bool = True


@dataclass(frozen=True)
class Clustering:
    """Settings of k-means on test patches; ``clusters`` of 0 means one a class."""

    clusters: int
    match: str
    memory: int = 20480
    iterations: int = 30
    seeds: int = 3
    normalised: bool = True


@dataclass(frozen=True)
class LinearSegmentation:
    """Settings of the linear head."""

    steps: int = 1000
    batch: int = 16
    lr: float = 1e-3
    weight_decay: float = 1e-4


def _context_knn(task: DenseTask, settings: ContextKNN) -> dict[str, float]:
    images, generator = len(task.data.train), torch.Generator().manual_seed(task.seed)
    keys, shares = [], []
    for index in range(images):
        of_image = to_shares(task.train_counts[index])  # [N, C]
        count = memory_share(settings.memory, images, index)
        chosen = sampled_patches(of_image, count, generator)
        keys.append(task.train.features[index, chosen])
        shares.append(of_image[chosen])
    device = task.frozen.device
    memory, labels = torch.cat(keys).to(device), torch.cat(shares).to(device)  # [M, D] and [M, C]
    _check_memory(len(memory), settings.k)

    def scores(features: Tensor) -> Tensor:
        return propagated(memory, labels, features, k=settings.k, temperature=settings.temperature)

    return _pixel_metrics(task, scores)


def _patch_knn(task: DenseTask, settings: PatchKNN) -> dict[str, float]:
    if not settings.ks or min(settings.ks) < 1:
        raise ValueError(f"ks must be numbers of neighbours of at least 1, found {settings.ks}")
    memory = _random_patches(task, settings.memory, settings.held_out)
    device = task.frozen.device
    classes, kept = len(task.data.classes), ~memory.held
    _check_memory(int(kept.sum()), max(settings.ks))
    scale = Standardiser(memory.features[kept])
    bank, queries = (scale(memory.features[part]).to(device) for part in (kept, memory.held))
    index = nearest_neighbours(bank, queries, k=max(settings.ks))[1].cpu()  # [held, K]
    found = {}
    for k in settings.ks:
        voted = voted_pixels(memory.pixels[kept], index[:, :k], num_classes=classes)
        found[k] = mean_iou(confusion(voted, memory.pixels[memory.held], num_classes=classes))
    best = max(settings.ks, key=lambda k: (found[k], k))
    scale = Standardiser(memory.features)
    bank = scale(memory.features).to(device)  # [M, D]
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    for image, features in enumerate(task.test.features):
        index = nearest_neighbours(bank, scale(features).to(device), k=best)[1].cpu()  # [N, K]
        voted = voted_pixels(memory.pixels, index, num_classes=classes)  # [N, P]
        pixels = patch_pixels(task.data.test.square_map(image, task.size)[None], task.test.grid)[0]
        matrix += confusion(voted, pixels, num_classes=classes)
    return {**segmentation_metrics(matrix), "k": best}


def _patch_logistic(task: DenseTask, settings: PatchLogistic) -> dict[str, float]:
    if not settings.strengths or min(settings.strengths) < 0:
        raise ValueError(f"strengths must be penalties of at least 0, found {settings.strengths}")
    memory = _random_patches(task, settings.memory, settings.held_out)
    classes = len(task.data.classes)
    probe = fit_linear_probe(
        memory.features,
        memory.labels,
        num_classes=classes,
        strengths=settings.strengths,
        held_out=memory.held,
    )
    matrix = torch.zeros(classes, classes, dtype=torch.float64)
    for features, counts in zip(task.test.features, task.test_counts, strict=True):
        predicted = probe.scores(features).argmax(dim=1)  # [N]
        matrix += overlap(predicted, counts, clusters=classes).T
    return {**segmentation_metrics(matrix), "strength": probe.strength}


def _clustering(task: DenseTask, settings: Clustering) -> dict[str, float]:
    clusters = settings.clusters or len(task.data.classes)
    features = F.normalize(task.test.features.flatten(0, 1), dim=1)  # [I N, D]
    features = features.to(task.frozen.device)
    counts = task.test_counts.flatten(0, 1)  # [I N, C]
    matches = {"hungarian": hungarian, "many_to_one": many_to_one}
    if settings.match not in matches or settings.seeds < 1:
        raise ValueError(
            f"match must be one of {', '.join(matches)} and seeds 1 or more, found "
            f"{settings.match!r} and {settings.seeds}"
        )
    match = matches[settings.match]
    found = []
    for seed in range(settings.seeds):
        generator = torch.Generator().manual_seed(task.seed + seed)
        part = torch.randperm(len(features), generator=generator)[: settings.memory]
        centres = kmeans(
            features[part],
            clusters=clusters,
            iterations=settings.iterations,
            generator=generator,
        )
        assigned = nearest_centre(features, centres)  # [I N]
        found.append(mean_iou(match(overlap(assigned, counts, clusters=clusters))))
    spread = {"mIoU_sd": statistics.stdev(found)} if len(found) > 1 else {}
    return {"mIoU": statistics.fmean(found), **spread}


def _linear_segmentation(task: DenseTask, settings: LinearSegmentation) -> dict[str, float]:
    head = fit_linear_head(
        task.train.features,
        task.train_counts,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.lr,
        weight_decay=settings.weight_decay,
        seed=task.seed,
        device=task.frozen.device,
    )
    return _pixel_metrics(task, head)


def _pixel_metrics(task: DenseTask, scores: Callable[[Tensor], Tensor]) -> dict[str, float]:
    """Metrics at the size of the label maps, of scores [M, C] for features [M, D]."""
    classes, patches = len(task.data.classes), task.test.features.shape[1]
    matrix = torch.zeros(classes, classes, dtype=torch.long)
    for start in range(0, len(task.data.test), _IMAGES):
        features = task.test.features[start : start + _IMAGES]  # [<=B, N, D]
        with torch.no_grad():
            found = scores(features.flatten(0, 1).to(task.frozen.device)).split(patches)
        for index, one in enumerate(found, start):  # [N, C]
            labels = task.data.test.label_map(index)  # [h, w]
            predicted = upsampled_classes(one, task.test.grid, (labels.shape[0], labels.shape[1]))
            matrix += confusion(predicted.cpu(), labels, num_classes=classes)
    return segmentation_metrics(matrix)


class _RandomPatches(NamedTuple):
    features: Tensor  # [M, D]
    pixels: Tensor  # classes of their pixels, uint8, [M, P]
    labels: Tensor  # the most frequent class, [M]
    held: Tensor  # whether they are from images that select a setting, [M]


def _random_patches(task: DenseTask, memory: int, held_out: float) -> _RandomPatches:
    """Labelled training patches, the same number from each image that has enough."""
    images, generator = len(task.data.train), torch.Generator().manual_seed(task.seed)
    held = torch.randperm(images, generator=generator) < max(1, round(held_out * images))
    parts = []
    for index in range(images):
        labels = majority(task.train_counts[index])  # [N]
        labelled = (labels != VOID).nonzero().flatten()
        order = torch.randperm(len(labelled), generator=generator)
        chosen = labelled[order[: memory_share(memory, images, index)]]
        square = task.data.train.square_map(index, task.size)[None]  # [1, S, S]
        pixels = patch_pixels(square, task.train.grid)[0, chosen]
        features = task.train.features[index, chosen]
        parts.append((features, pixels, labels[chosen], held[index].expand(len(chosen))))
    found = _RandomPatches(*(torch.cat(part) for part in zip(*parts, strict=True)))
    if found.held.all() or not found.held.any():
        raise ValueError(
            f"{task.data.name}: a part of the {images} training images selects a setting; it or "
            "the rest has no labelled patch. Use more images"
        )
    return found


def _check_memory(patches: int, k: int) -> None:
    if patches < k:
        raise ValueError(
            f"k={k} neighbours of {patches} labelled patches in memory: lower k, or use a larger "
            "memory or more images"
        )


SEGMENTATION = {
    "context_knn": Protocol(
        ContextKNN(),
        _context_knn,
        Needs.MAPS,
        "Segmentation by retrieval of labelled patches (Balazevic et al. 2023).",
    ),
    "patch_knn": Protocol(
        PatchKNN(), _patch_knn, Needs.MAPS, "k-NN vote of patches (Darcet et al. 2025)."
    ),
    "patch_logistic": Protocol(
        PatchLogistic(),
        _patch_logistic,
        Needs.MAPS,
        "Logistic regression on patches (Darcet et al. 2025).",
    ),
    "clustering": Protocol(
        Clustering(clusters=0, match="hungarian"),
        _clustering,
        Needs.MAPS,
        "k-means with one cluster a class, matched by the Hungarian algorithm (Ji et al. 2019).",
    ),
    "overclustering": Protocol(
        Clustering(clusters=500, match="many_to_one"),
        _clustering,
        Needs.MAPS,
        "k-means with many clusters, each with its most frequent class (Ziegler and Asano 2022).",
    ),
    "linear_segmentation": Protocol(
        LinearSegmentation(),
        _linear_segmentation,
        Needs.MAPS,
        "A 1x1 convolution on frozen maps (Oquab et al. 2023).",
    ),
}
