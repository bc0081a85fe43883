"""The main directions of patch features as colours.

DINOv2 (Oquab et al. 2023, arXiv:2304.07193, figure 1) shows its patch features so: the first three
principal components over the patches of some images are red, green and blue. Where DINOv2 first
cuts the background off by a threshold on the first component, all patches stay here.

Letters: I images, C channels, H and W positions of a map, P positions of all maps, K = 3.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["PatchColours", "patch_pca"]

_COMPONENTS = 3
_CUT = 0.01  # fraction of the positions at either end that get the end of the scale
_FLAT = 1e-5  # spread of a component against the features' size that is rounding, not content


class PatchColours(NamedTuple):
    """What :func:`patch_pca` gives.

    Attributes:
        colours: Of each image, float64 from 0 to 1; I times [H, W, 3].
        shares: Of the variance that each component holds, float64. [3]
    """

    colours: list[Tensor]
    shares: Tensor


def patch_pca(maps: Sequence[Tensor]) -> PatchColours:
    """Project feature maps on their first three principal components, as colours.

    The components are those of all maps together, so a colour means the same in every image. They
    come by falling variance, and each points to where its loading of greatest size is positive.
    From 1 % to 99 % of its values, a component runs through its whole colour. One that does not
    vary, or that is not there because there are few channels or positions, is 0.5 throughout.

    Args:
        maps: Of one backbone; sizes may differ. I times [C, H, W]

    Raises:
        ValueError: There are no maps, they have other shapes, or NaN or infinity.
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
        raise ValueError("patch_pca needs a feature map at least")
    for number, one in enumerate(maps):
        if one.ndim != 3 or one.shape[0] != maps[0].shape[0] or not one.numel():
            raise ValueError(
                f"map {number} is {tuple(one.shape)}, expected [C, H, W] with the "
                f"{maps[0].shape[0]} channels of the first"
            )
        if not torch.isfinite(one).all():
            raise ValueError(f"map {number} holds NaN or infinity; did the training diverge?")


def _directions(centred: Tensor) -> Tensor:
    """Unit vectors of greatest variance, [<=K, C]; by the smaller of the two sides."""
    if len(centred) > centred.shape[1]:
        _, vectors = torch.linalg.eigh(centred.T @ centred)  # by rising variance, [C, C]
        rows = vectors.flip(1).T
    else:
        rows = torch.linalg.svd(centred, full_matrices=False).Vh  # [P, C]
    rows = rows[:_COMPONENTS]
    greatest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))  # [<=K, 1]
    return rows * torch.where(greatest < 0, -1.0, 1.0)


def _stretched(values: Tensor) -> Tensor:
    """From 0 to 1 between the two cuts, [P]."""
    low, high = torch.quantile(values, _CUT), torch.quantile(values, 1 - _CUT)
    if high <= low:  # all but a few positions are equal
        low, high = values.min(), values.max()
    return ((values - low) / (high - low)).clamp(0, 1)
