"""Readings of a representation, at three intervals.

    every step        centre and deviation of a batch      (:func:`step_readings`)
    every K steps     correlation, extra gradient, ranks   (:func:`batch_readings`)
    every epoch       the spectrum of fixed images         (:func:`space_readings`)

The extra gradient of a loss is its gradient without the pull between two views of an image:

    -dL/dZ_a = Z_b + G_e,      G_e = o_e + r_e,      o_e = mean of G_e over the batch

With the pull Z_b alone, the model collapses. A centre o_e that points against the centre of the
vectors removes the centre; the residual r_e can de-correlate the channels (Zhang et al. 2022,
sections 4.2 and 4.3, tables 3 and 4). A loss of two equal branches has no extra gradient.

Alignment and uniformity are those of Wang and Isola 2020, "Understanding Contrastive Representation
Learning through Alignment and Uniformity on the Hypersphere", section 4.1.

Letters: B images of this process, M of all, D channels; a and b two views of the same images. Z
are vectors of length 1, z of any length.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmdense.collapse import decompose, spectrum
from mmdense.collapse.decorrelation import decorrelation_gradient, decorrelation_loss
from mmdense.ssl.losses import unit_vectors

STEP = ("m_o", "m_r", "std", "norm")  # results of step_readings, in this order
BATCH = (  # keys of batch_readings and gradient_readings
    *("covariance", "participation_ratio", "rank", "uniformity", "alignment"),
    *("rank_gap", "eta_p", "eta_z", "o_e", "r_e", "r_e_decorrelates"),
)

ROWS = 256  # maximum number of images of a batch in its ranks
Reduce = Callable[[Sequence[Tensor]], Sequence[Tensor]]


def step_readings(views: Sequence[Tensor], reduce: Reduce) -> tuple[Tensor, Tensor]:
    """Return m_o, m_r, std and mean length of the vectors of all views, and the centre, [4], [D].

    Does not synchronise with the device. Sums are reduced over the processes before any division,
    so the processes can have different numbers of images.

    Args:
        views: One tensor a view; the vectors can have any length. [B, D]
        reduce: Sums tensors over the processes.
    """
    features = torch.cat([view.float() for view in views])  # [V B, D]
    unit = unit_vectors(features)
    lengths = features.norm(dim=1).sum(dtype=torch.float64)
    *sums, lengths = reduce([*decompose.moments(unit), lengths])
    whole = decompose.Moments(*sums)
    centre = decompose.centre(whole)  # [D]
    (residual,) = reduce([decompose.residual_norm_sum(unit, centre)])
    readings = [
        centre.norm(),
        residual / whole.number,
        decompose.channel_deviation(whole),
        lengths / whole.number,
    ]
    return torch.stack(readings), centre


def batch_readings(z: Sequence[Tensor], p: Sequence[Tensor] | None = None) -> dict[str, float]:
    """Return the readings of a batch of all processes, except the centre.

    Args:
        z: Projections of one view or two. [M, D] each
        p: Predictions from them, in the same order.

    Returns:
        ``covariance`` (de-correlation loss), ``participation_ratio``, ``rank`` (eigenvalue rank)
        and ``uniformity`` of the first view; with two views ``alignment``; with predictions
        ``eta_p``, ``eta_z`` and ``rank_gap``, the rank of P minus the rank of Z, which is not zero
        in methods that do not collapse (Zhuo et al. 2023, "Towards a Unified Theoretical
        Understanding of Non-contrastive Learning via Rank Differential Mechanism").
    """
    unit_z = [unit_vectors(view) for view in z]
    values = spectrum.eigenvalues(unit_z[0][:ROWS])
    found = {
        "covariance": float(decorrelation_loss(unit_z[0])),
        "participation_ratio": spectrum.participation_ratio(values),
        "rank": spectrum.effective_rank(values),
        "uniformity": float(uniformity(unit_z[0][:ROWS])),
    }
    if len(z) > 1:
        found["alignment"] = float(alignment(unit_z[0], unit_z[1]))
    if p:
        unit_p = [unit_vectors(view) for view in p]
        of_p = spectrum.effective_rank(spectrum.eigenvalues(unit_p[0][:ROWS]))
        found["rank_gap"] = of_p - found["rank"]
        o_z, o_p = unit_z[-1].mean(dim=0), unit_p[-1].mean(dim=0)
        found["eta_p"] = float(centre_share(o_z - o_p, o_p))
        found["eta_z"] = float(centre_share(o_p - o_z, o_z))
    return found


def gradient_readings(features: Tensor, gradient: Tensor, partner: Tensor) -> dict[str, float]:
    """Return the parts of the extra gradient of the loss, in units of the pull to the other view.

    The descent direction on Z_a, ``-dL/dZ_a``, is a multiple of ``Z_b + G_e``. Only its tangential
    part at Z_a has an effect, so only that part is used. The factor is chosen so that G_e has no
    part along the pull, over the whole batch.

    Args:
        features: z_a or p_a, the input of the loss. [M, D]
        gradient: Gradient of the loss on it, times the number of images of the mean. [M, D]
        partner: z_b or p_b, the pull. [M, D]

    Returns:
        ``o_e``, the length of the centre; ``r_e``, the mean length of the residual; and
        ``r_e_decorrelates``, the cosine of r_e with the steepest descent of the correlation of the
        channels. All are NaN if the gradient has no part along the pull.
    """
    unit = unit_vectors(features)
    descent = -gradient_on_unit(gradient, features)  # [M, D]
    pull = tangential(unit_vectors(partner), unit)  # [M, D]
    scale = float((descent * pull).sum() / pull.square().sum().clamp(min=1e-30))
    if scale == 0.0:
        nan = float("nan")
        return {"o_e": nan, "r_e": nan, "r_e_decorrelates": nan}
    extra = descent / scale - pull  # [M, D]
    o_e = extra.mean(dim=0)  # [D]
    r_e = extra - o_e
    steepest = -tangential(decorrelation_gradient(unit), unit)
    steepest = steepest - steepest.mean(dim=0)
    cosine = torch.nn.functional.cosine_similarity(r_e.flatten(), steepest.flatten(), dim=0)
    return {
        "o_e": float(o_e.norm()),
        "r_e": float(r_e.norm(dim=1).mean()),
        "r_e_decorrelates": float(cosine),
    }


def space_readings(features: Tensor) -> tuple[dict[str, float], Tensor]:
    """Return the ranks, by each definition, and the spectrum of fixed images in one space.

    Args:
        features: Not scaled. [N, D]

    Returns:
        The readings, and the eigenvalues of the covariance, descending.
    """
    values = spectrum.eigenvalues(features)  # [K]
    channels = features.shape[1]
    sums = decompose.moments(unit_vectors(features))
    readings = {
        "m_o": float(decompose.centre(sums).norm()),
        "std": float(decompose.channel_deviation(sums)),
        "rank_me": spectrum.effective_rank(spectrum.singular_values(features, centred=False)),
        "centred_rank_me": spectrum.effective_rank(
            spectrum.singular_values(features, centred=True)
        ),
        "eigenvalue_rank": spectrum.effective_rank(values),
        "participation_ratio": spectrum.participation_ratio(values),
        "auc": spectrum.spectrum_auc(values.clamp(min=0.0).sqrt(), channels),
        "alpha_req": spectrum.alpha_req(values),
    }
    return readings, values


def alignment(z_a: Tensor, z_b: Tensor, *, alpha: float = 2.0) -> Tensor:
    """Return the mean of ``|Z_a - Z_b|^alpha``: 0 for equal views, 2 for unrelated ones, [].

    Raises:
        ValueError: The shapes differ.
    """
    if z_a.shape != z_b.shape:
        raise ValueError(f"views have different shapes: {tuple(z_a.shape)} and {tuple(z_b.shape)}")
    return (z_a - z_b).norm(dim=1).pow(alpha).mean()


def uniformity(vectors: Tensor, *, t: float = 2.0) -> Tensor:
    """Return the log of the mean of ``exp(-t |Z_i - Z_j|^2)`` over pairs of images, [].

    0 for collapsed vectors, near ``-2 t`` if they are spread over a sphere of many dimensions.

    Args:
        vectors: [M, D]
        t: Width of the kernel; 2 in the paper.

    Raises:
        ValueError: Fewer than two vectors.
    """
    count = len(vectors)
    if count < 2:
        raise ValueError(f"uniformity needs at least two vectors, found {count}")
    norms = vectors.square().sum(dim=1)  # [M]
    distances = norms[:, None] + norms[None, :] - 2.0 * vectors @ vectors.T  # [M, M]
    above = torch.triu_indices(count, count, offset=1, device=vectors.device)  # [2, pairs]
    pairs = distances[above[0], above[1]]  # [M (M - 1) / 2]
    return torch.logsumexp(-t * pairs, dim=0) - math.log(len(pairs))


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
