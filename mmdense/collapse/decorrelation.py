"""Redundancy of the channels of a batch, computed with the smaller of two matrices.

    C = Zc^T Zc / (N - 1),     loss = 1/D  sum over i != j of C_ij^2

Zhang et al. 2022, algorithm 6; the covariance term of VICReg (Bardes et al. 2022) on unit vectors.
For unit vectors it is about 1/(N D) if they are spread over the sphere, near 1/D on one line. With
the Gram matrix ``K = Zc Zc^T`` the sum over all C_ij^2 is ``|K|^2 / (N - 1)^2``. So the [N, N]
matrix K is used if N <= D, and the [D, D] matrix C otherwise.

Letters: N vectors, D channels.
"""

from torch import Tensor


def decorrelation_loss(vectors: Tensor) -> Tensor:
    """Return the sum of squared covariances with all other channels, averaged over channels, [].

    Args:
        vectors: [N, D]

    Raises:
        ValueError: Fewer than two vectors.
    """
    centred, count, channels = _centred(vectors)
    variances = centred.square().sum(dim=0) / (count - 1)  # [D]
    small = centred @ centred.T if count <= channels else centred.T @ centred  # [min(N, D)] twice
    return (small.square().sum() / (count - 1) ** 2 - variances.square().sum()) / channels


def decorrelation_gradient(vectors: Tensor) -> Tensor:
    """Return the gradient, ``4 / (D (N - 1)) Zc C_off``, C_off = C without its diagonal, [N, D].

    Its mean over the batch is zero, so the loss does not move the centre.

    Raises:
        ValueError: Fewer than two vectors.
    """
    centred, count, channels = _centred(vectors)
    variances = centred.square().sum(dim=0) / (count - 1)  # [D]
    if count <= channels:
        mixed = (centred @ centred.T) @ centred / (count - 1)  # [N, D]
    else:
        mixed = centred @ (centred.T @ centred) / (count - 1)  # [N, D]
    return 4.0 / (channels * (count - 1)) * (mixed - centred * variances)


def decorrelation_floor(count: int, channels: int) -> float:
    """Return the loss of ``count`` independent directions, about 1/(N D)."""
    return 1.0 / (count * channels)


def decorrelation_ceiling(channels: int) -> float:
    """Return the loss of unit vectors on one line, u or -u, about 1/D."""
    return 1.0 / channels


def _centred(vectors: Tensor) -> tuple[Tensor, int, int]:
    count, channels = vectors.shape
    if count < 2:
        raise ValueError(f"covariances need at least two vectors, found {count}")
    return vectors - vectors.mean(dim=0), count, channels
