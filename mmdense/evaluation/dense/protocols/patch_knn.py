"""k-NN vote of patches for each of their pixels.

As in CAPI (Darcet et al. 2025, "Cluster and Predict Latent Patches for Improved Masked Image
Modeling", section on evaluation): features are standardised, and pixel p of a patch gets the most
frequent class among pixel p of the nearest patches. Here similarity is the cosine only, and void
pixels do not vote.

Letters: M patches in memory, Q queries, P pixels of a patch, K neighbours, D channels, C classes.
"""

import torch
from torch import Tensor

__all__ = ["Standardiser", "voted_pixels"]

_QUERIES = 1024  # at a time


def voted_pixels(pixels: Tensor, index: Tensor, *, num_classes: int) -> Tensor:
    """Return the most frequent class at each pixel among neighbours; the lower class of a tie.

    Args:
        pixels: Classes of the pixels of each patch in memory; others, such as void, do not vote.
            uint8. [M, P]
        index: Neighbours of each query. [Q, K]
        num_classes: C.

    Returns:
        uint8; class 0 where no neighbour has a class. [Q, P]
    """
    voted = torch.zeros(len(index), pixels.shape[1], dtype=torch.uint8, device=pixels.device)
    for start in range(0, len(index), _QUERIES):
        part = slice(start, start + _QUERIES)
        near = pixels[index[part]]  # [<=1024, K, P]
        most = torch.zeros_like(near[:, 0], dtype=torch.int32)  # [<=1024, P]
        for label in range(num_classes):
            votes = (near == label).sum(dim=1, dtype=torch.int32)  # [<=1024, P]
            voted[part][votes > most] = label
            most = torch.maximum(most, votes)
    return voted


class Standardiser:
    """Shifts and scales features to mean 0 and variance 1 of those given first.

    Args:
        features: [M, D]
    """

    def __init__(self, features: Tensor) -> None:
        deviation, self.mean = torch.std_mean(features, dim=0, correction=0)  # [D] each
        self.deviation = torch.where(deviation > 0, deviation, 1.0)

    def __call__(self, features: Tensor) -> Tensor:
        """Return standardised features [..., D]."""
        return (features - self.mean) / self.deviation
