"""Labels of the first frame of a video, propagated to the others, and the measures J and F.

The protocol of Jabri et al. 2020 (arXiv:2006.14613) in the form of DINO (Caron et al. 2021,
arXiv:2104.14294, section 4.2.1): a patch gets the mean labels of its most similar patches in
earlier frames, weighted by ``exp(cosine / temperature)``. These patches are in a square window
around its position. J and F are the measures of DAVIS (Perazzi et al. 2016, section 4): the IoU of
regions, and the F-measure of boundary pixels within a tolerance.

Letters: T context frames, h x w = N patches, D channels, C labels with the background, k
neighbours, H x W pixels, R maps.
"""

import math
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_AFFINITIES = 2**24  # at a time: 64 MiB in float32


@dataclass(frozen=True)
class Propagation:
    """Settings of the propagation, with the values of DINO.

    Attributes:
        context: Number of preceding frames that are used besides the first one.
        radius: Of the window, in patches; it is 2 radius + 1 patches wide.
        k: Number of neighbours over all context frames.
        temperature: Of the affinity.

    Raises:
        ValueError: A setting is out of range.
    """

    context: int = 7
    radius: int = 12
    k: int = 5
    temperature: float = 0.1

    def __post_init__(self) -> None:
        if min(self.k, self.temperature) <= 0 or min(self.context, self.radius) < 0:
            raise ValueError(f"k and temperature must be positive, and nothing negative: {self}")


def propagate_video(
    first: Tensor, features: Iterable[Tensor], grid: tuple[int, int], settings: Propagation
) -> Iterator[Tensor]:
    """Yield the labels of the second and each later frame.

    Memory is that of ``context + 1`` frames and 64 MiB.

    Args:
        first: Labels of the first frame, each row sums to 1. [N, C]
        features: Features of the patches of each frame from the first on. [N, D] each
        grid: h and w.
        settings: Settings of the propagation.

    Yields:
        Labels, each row sums to 1. [N, C]

    Raises:
        ValueError: Shapes do not match, or a feature is NaN or infinite.
    """
    start: tuple[Tensor, Tensor] | None = None
    recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=settings.context)
    for number, frame in enumerate(features):
        if frame.ndim != 2 or frame.shape[0] != len(first) or len(first) != grid[0] * grid[1]:
            raise ValueError(
                f"frame {number}: expected features [{grid[0]} * {grid[1]}, D] and as many "
                f"labels, found {tuple(frame.shape)} and {tuple(first.shape)}"
            )
        if not frame.isfinite().all():
            raise ValueError(f"frame {number}: features contain NaN or infinity")
        directions = F.normalize(frame, dim=1)
        if start is None:
            start = directions, first
            continue
        known, labels = (torch.stack(part) for part in zip(start, *recent))
        found = propagate_labels(known, labels, directions, grid, settings)
        recent.append((directions, found))
        yield found


@torch.no_grad()
def propagate_labels(
    context: Tensor, labels: Tensor, frame: Tensor, grid: tuple[int, int], settings: Propagation
) -> Tensor:
    """Return the labels of a frame from those of its context frames.

    Args:
        context: Normalised features of the context frames. [T, N, D]
        labels: Their labels. [T, N, C]
        frame: Normalised features of the frame. [N, D]
        grid: h and w.
        settings: Settings of the propagation.

    Returns:
        [N, C]
    """
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in grid), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], dim=1).to(frame.device)  # [N, 2]
    bank, of_bank = context.flatten(0, 1), labels.flatten(0, 1)  # [T N, D] and [T N, C]
    k = min(settings.k, len(bank))
    found = []
    chunk = max(1, _AFFINITIES // len(bank))
    for some, here in zip(frame.split(chunk), places.split(chunk)):
        near = (here[:, None] - places).abs().amax(dim=2) <= settings.radius  # [n, N]
        cosines = (some @ bank.T).unflatten(1, (len(context), -1))  # [n, T, N]
        cosines = cosines.masked_fill(~near[:, None], -math.inf).flatten(1)  # [n, T N]
        best, index = cosines.topk(k, dim=1)  # [n, k]
        weights = (best / settings.temperature).softmax(dim=1)  # [n, k]; far patches weigh 0
        found.append((weights[..., None] * of_bank[index]).sum(dim=1))  # [n, C]
    return torch.cat(found)  # [N, C]


def label_map(labels: Tensor, grid: tuple[int, int], size: tuple[int, int]) -> Tensor:
    """Return the label of each pixel, as DINO does: enlarge, stretch each label to 0 to 1, compare.

    Args:
        labels: Not negative. [N, C]
        grid: h and w.
        size: H and W.

    Returns:
        int64 [H, W]
    """
    planes = labels.T.unflatten(1, grid)[None]  # [1, C, h, w]
    planes = F.interpolate(planes, size=size, mode="bilinear", align_corners=False)[0]  # [C, H, W]
    lowest, highest = planes.amin(dim=(1, 2)), planes.amax(dim=(1, 2))  # [C]
    stretched = (planes.permute(1, 2, 0) - lowest) / (highest - lowest).clamp(min=1e-12)
    return stretched.argmax(dim=2)  # [H, W]


def region_similarity(predicted: Tensor, true: Tensor) -> Tensor:
    """Return J, the IoU, of masks, bool [R, H, W] both, as [R]; it is 1 if both are empty."""
    both = (predicted & true).sum(dim=(1, 2))
    either = (predicted | true).sum(dim=(1, 2))
    return torch.where(either > 0, both / either.clamp(min=1), 1.0)


def boundary_accuracy(predicted: Tensor, true: Tensor, *, tolerance: float = 0.008) -> Tensor:
    """Return F, the F-measure of the boundary pixels of masks, 1 if neither has a boundary.

    A boundary pixel is correct if a boundary pixel of the other mask is within the tolerance. A
    pixel is at a boundary if the pixel on its right, below it, or below on its right is different.

    Args:
        predicted: Masks. bool [R, H, W]
        true: Masks. bool [R, H, W]
        tolerance: In diagonals of the image, rounded up to pixels.

    Returns:
        [R]
    """
    radius = math.ceil(tolerance * math.hypot(*true.shape[1:]))
    ours, theirs = boundaries(predicted), boundaries(true)
    counts = [edge.sum(dim=(1, 2)) for edge in (ours, theirs)]
    hits = [
        (edge & within(other, radius)).sum(dim=(1, 2))
        for edge, other in ((ours, theirs), (theirs, ours))
    ]
    # A mask without boundary has precision 1 and recall 0, or the other way round, unless both are.
    precision, recall = (
        torch.where(count > 0, hit / count.clamp(min=1), 1.0) for hit, count in zip(hits, counts)
    )
    total = precision + recall
    return torch.where(total > 0, 2 * precision * recall / total.clamp(min=1e-12), 0.0)


def boundaries(masks: Tensor) -> Tensor:
    """Return the boundary pixels of masks, bool [R, H, W] both; the image edge is no boundary."""
    right, below = masks.clone(), masks.clone()
    right[:, :, :-1] = masks[:, :, 1:]
    below[:, :-1] = masks[:, 1:]
    across = below.clone()
    across[:, :, :-1] = below[:, :, 1:]
    return (masks ^ right) | (masks ^ below) | (masks ^ across)


def within(masks: Tensor, radius: int) -> Tensor:
    """Return the pixels at most ``radius`` pixels from a pixel of the mask, bool [R, H, W] both."""
    height, width = masks.shape[1:]
    counts = F.pad(masks.int().cumsum(dim=2, dtype=torch.int32), (1, 0))  # [R, H, W + 1]
    columns = torch.arange(width, device=masks.device)
    near = torch.zeros_like(masks)
    for shift in range(-min(radius, height - 1), min(radius, height - 1) + 1):
        reach = math.isqrt(radius**2 - shift**2)
        ends = counts[:, :, (columns + reach + 1).clamp(max=width)]  # [R, H, W]
        wide = ends > counts[:, :, (columns - reach).clamp(min=0)]
        to, source = max(shift, 0), max(-shift, 0)
        rows = height - abs(shift)
        near[:, to : to + rows] |= wide[:, source : source + rows]
    return near
