"""Principal components of patch features as colours.

DINOv2 (Oquab et al. 2023, arXiv:2304.07193, figure 1) shows the first three principal components
over the patches of some images as red, green and blue. DINOv2 first removes the background by a
threshold on the first component; here all patches are kept.

Letters: I images, C channels, H and W positions of a map, P positions of all maps, K = 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

_COMPONENTS = 3
_CUT = 0.01  # fraction of the positions at each end that is clipped
_FLAT = 1e-5  # a component with a smaller relative spread is rounding error


class PatchColours(NamedTuple):
    """Return value of :func:`patch_pca`.

    Attributes:
        colours: Colours of each image, float64 from 0 to 1; I times [H, W, 3].
        shares: Fraction of the variance of each component, float64. [3]
    """

    colours: list[Tensor]
    shares: Tensor


def patch_pca(maps: Sequence[Tensor]) -> PatchColours:
    """Return the first three principal components of feature maps as colours.

    The components are computed over all maps, so a colour has the same meaning in every image.
    They are in descending order of variance; the sign of each makes its largest loading positive.
    The values of a component from the 1st to the 99th percentile are scaled to 0 to 1. A component
    that is constant, or missing because there are few channels or positions, is 0.5.

    Args:
        maps: Feature maps of one backbone; sizes may differ. I times [C, H, W]

    Raises:
        ValueError: There are no maps, their shapes are wrong, or they have NaN or infinity.
    """
    _check(maps)
    rows = torch.cat([one.flatten(1).T for one in maps]).double()  # [P, C]
    centred = rows - rows.mean(dim=0)
    directions = _directions(centred)  # [<=K, C]
    values = centred @ directions.T  # [P, <=K]
    size = rows.square().mean().sqrt()
    total = centred.square().sum()
    colours = torch.full((len(rows), _COMPONENTS), 0.5, dtype=torch.float64)  # [P, K]
    shares = torch.zeros(_COMPONENTS, dtype=torch.float64)
    for number, component in enumerate(values.T):
        if component.square().mean().sqrt() > _FLAT * size:
            colours[:, number] = _stretched(component)
            shares[number] = component.square().sum() / total
    parts = colours.split([one[0].numel() for one in maps])
    return PatchColours(
        [part.reshape(*one.shape[1:], _COMPONENTS) for part, one in zip(parts, maps)], shares
    )


def _check(maps: Sequence[Tensor]) -> None:
    if not maps:
        raise ValueError("patch_pca needs at least one feature map")
    for number, one in enumerate(maps):
        if one.ndim != 3 or one.shape[0] != maps[0].shape[0] or not one.numel():
            raise ValueError(
                f"map {number} is {tuple(one.shape)}, expected [C, H, W] with the "
                f"{maps[0].shape[0]} channels of the first"
            )
        if not torch.isfinite(one).all():
            raise ValueError(
                f"map {number} contains NaN or infinity: the training may have diverged"
            )


def _directions(centred: Tensor) -> Tensor:
    """Return the unit vectors of greatest variance, [<=K, C], from the smaller matrix."""
    if len(centred) > centred.shape[1]:
        _, vectors = torch.linalg.eigh(centred.T @ centred)  # by rising variance, [C, C]
        rows = vectors.flip(1).T
    else:
        rows = torch.linalg.svd(centred, full_matrices=False).Vh  # [P, C]
    rows = rows[:_COMPONENTS]
    greatest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))  # [<=K, 1]
    return rows * torch.where(greatest < 0, -1.0, 1.0)


def _stretched(values: Tensor) -> Tensor:
    """Scale values between the two percentiles to 0 to 1, [P]."""
    low, high = torch.quantile(values, _CUT), torch.quantile(values, 1 - _CUT)
    if high <= low:  # all but a few positions are equal
        low, high = values.min(), values.max()
    return ((values - low) / (high - low)).clamp(0, 1)
