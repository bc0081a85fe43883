"""The extra gradient of a loss: its gradient without the pull between two views of an image.

    -dL/dZ_a = Z_b + G_e,      G_e = o_e + r_e,      o_e = mean of G_e over the batch

With the pull Z_b alone, the model collapses. A centre o_e that points against the centre of the
vectors removes the centre; the residual r_e can de-correlate the channels (Zhang et al. 2022,
sections 4.2 and 4.3, tables 3 and 4). A loss of two equal branches has no extra gradient.

Letters: M images, D channels; a and b the two views, all vectors of length 1.
"""

from torch import Tensor

__all__ = [
    "centre_share",
    "gradient_on_unit",
    "infonce_extra",
    "mirror_extra",
    "simsiam_extra",
    "split",
    "tangential",
    "triplet_extra",
]


def simsiam_extra(z_b: Tensor, p_b: Tensor) -> Tensor:
    """Return G_e of SimSiam on P_a, whose pull is P_b, [M, D]."""
    return z_b - p_b


def mirror_extra(z_b: Tensor, p_b: Tensor) -> Tensor:
    """Return G_e of mirror SimSiam on Z_a, whose pull is Z_b, [M, D]."""
    return p_b - z_b


def triplet_extra(z_negative: Tensor) -> Tensor:
    """Return G_e of the triplet loss on Z_a, with the vector of another image for each, [M, D]."""
    return -z_negative


def infonce_extra(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    """Return G_e of InfoNCE on Z_a, in units of 1/temperature; negatives are Z_b of other images.

    ``-sum over i of lambda_i Z_i`` with lambda the softmax of the similarities, including the
    positive. The weights sum to one, so its centre is minus the weighted mean of the Z_i.
    """
    weights = (z_a @ z_b.T / temperature).softmax(dim=1)  # [M, M]
    return -weights @ z_b  # [M, D]


def split(extra: Tensor, centre: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return centre o_e and residual r_e, [D] and [M, D].

    Args:
        extra: G_e. [M, D]
        centre: A better estimate of o_e; default the mean over the batch. [D]
    """
    o_e = extra.mean(dim=0) if centre is None else centre  # [D]
    return o_e, extra - o_e


def centre_share(o_e: Tensor, centre: Tensor) -> Tensor:
    """Return eta, for which ``o_e - eta centre`` is orthogonal to the centre, [].

    If it is negative, the extra gradient pushes vectors away from their centre. SimSiam: eta_p of
    ``o_z - o_p`` in o_p, published as about -0.44. Mirror SimSiam: eta_z of ``o_p - o_z`` in o_z,
    about +0.18 (Zhang et al. 2022, figure 5a). NaN if the centre is zero.
    """
    return (o_e @ centre) / centre.square().sum()


def tangential(vectors: Tensor, at: Tensor) -> Tensor:
    """Return the part of each vector that is orthogonal to the unit vector ``at``, [M, D].

    Only this part of a gradient on Z passes through the scaling to length 1.
    """
    return vectors - (vectors * at).sum(dim=1, keepdim=True) * at


def gradient_on_unit(gradient: Tensor, features: Tensor) -> Tensor:
    """Return dL/dZ, tangential, from dL/dz with Z = z/|z|, [M, D].

    Args:
        gradient: dL/dz. [M, D]
        features: z. [M, D]
    """
    norm = features.float().norm(dim=1, keepdim=True)  # [M, 1]
    return tangential(gradient.float() * norm, features.float() / norm.clamp(min=1e-12))
