"""What a loss adds to the pull between two views of an image, and its centre and residual.

    -dL/dZ_a = Z_b + G_e,      G_e = o_e + r_e,      o_e = mean of G_e over the batch

The pull Z_b alone collapses. A G_e whose centre o_e points against the centre of the vectors
removes the centre; its residual r_e can make the channels independent of each other (Zhang et al.
2022, sections 4.2 and 4.3, tables 3 and 4). Without G_e a loss cannot avoid collapse: that of two
equal branches has none.

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
    """G_e of SimSiam on P_a, whose plain pull is P_b, [M, D]."""
    return z_b - p_b


def mirror_extra(z_b: Tensor, p_b: Tensor) -> Tensor:
    """G_e of mirror SimSiam on Z_a, whose plain pull is Z_b, [M, D]."""
    return p_b - z_b


def triplet_extra(z_negative: Tensor) -> Tensor:
    """G_e of the triplet loss on Z_a, with one other image's vector each, [M, D]."""
    return -z_negative


def infonce_extra(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    """G_e of InfoNCE on Z_a, in units of 1/temperature; the other images' Z_b are the negatives.

    ``-sum over i of lambda_i Z_i`` with lambda the softmax of the similarities, the positive's
    included. As the weights sum to one, its centre is minus the mean of the Z_i that they weigh.
    """
    weights = (z_a @ z_b.T / temperature).softmax(dim=1)  # [M, M]
    return -weights @ z_b  # [M, D]


def split(extra: Tensor, centre: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Centre o_e and residual r_e, [D] and [M, D].

    Args:
        extra: G_e. [M, D]
        centre: o_e where it is known better than from this batch; default the batch mean. [D]
    """
    o_e = extra.mean(dim=0) if centre is None else centre  # [D]
    return o_e, extra - o_e


def centre_share(o_e: Tensor, centre: Tensor) -> Tensor:
    """eta, the part of a centre in o_e: the one for which ``o_e - eta centre`` is orthogonal to it.

    Negative, the extra gradient pushes vectors away from their centre. SimSiam: eta_p of
    ``o_z - o_p`` in o_p, published as about -0.44; mirror SimSiam: eta_z of ``o_p - o_z`` in o_z,
    about +0.18 (Zhang et al. 2022, figure 5a). NaN where there is no centre. []
    """
    return (o_e @ centre) / centre.square().sum()


def tangential(vectors: Tensor, at: Tensor) -> Tensor:
    """The part of each vector that is orthogonal to the unit vector ``at``, [M, D].

    No more of a gradient on Z passes through the scaling to length 1.
    """
    return vectors - (vectors * at).sum(dim=1, keepdim=True) * at


def gradient_on_unit(gradient: Tensor, features: Tensor) -> Tensor:
    """dL/dZ, tangential, from dL/dz where Z = z/|z|, [M, D].

    Args:
        gradient: dL/dz. [M, D]
        features: z. [M, D]
    """
    norm = features.float().norm(dim=1, keepdim=True)  # [M, 1]
    return tangential(gradient.float() * norm, features.float() / norm.clamp(min=1e-12))
