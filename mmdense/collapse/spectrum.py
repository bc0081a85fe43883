"""Number of dimensions that a representation uses: effective ranks and the spectrum.

"Effective rank" has four definitions in public code:

    rank_me               singular values, not centred     exp of the entropy of sigma / sum sigma
    centred_rank_me       the same for centred features
    eigenvalue_rank       covariance eigenvalues           exp of the entropy of lambda / sum lambda
    participation_ratio   covariance eigenvalues           (sum lambda)^2 / sum lambda^2

For one spectrum they can differ by a factor of several. If the centre is long, the first is low and
the second is not: this separates complete from dimensional collapse. Compare values of the same
method and the same number of features only.

Letters: N features, D channels, K = min(N, D) values in descending order, Q views of an image.
"""

import math

import torch
from torch import Tensor

_EPSILON = 1e-7  # added to the normalised values, as in RankMe
_TINY = 1e-300  # avoids a division by zero for a spectrum of zeros


def singular_values(features: Tensor, *, centred: bool) -> Tensor:
    """Return singular values in float64, descending, from the smaller Gram matrix, [K].

    Values below 1e-8 of the largest are rounding errors: the Gram matrix squares them.

    Args:
        features: [N, D]
        centred: Whether to subtract the mean feature first.

    Raises:
        ValueError: Fewer than two features, or values that are not finite.
    """
    return _gram_eigenvalues(features, centred).sqrt()


def eigenvalues(features: Tensor) -> Tensor:
    """Return eigenvalues of the covariance (N - 1) in float64, descending, at most N, [K].

    Raises:
        ValueError: As :func:`singular_values`.
    """
    return _gram_eigenvalues(features, centred=True) / (len(features) - 1)


def effective_rank(values: Tensor) -> float:
    """Return the exponential of the entropy of the normalised values: from 1 to K.

    Of singular values that are not centred, this is RankMe (Garrido et al. 2023, section 3.1, with
    25,600 features in the paper).

    Args:
        values: Singular values or eigenvalues. [K]
    """
    shares = values / values.sum().clamp(min=_TINY) + _EPSILON  # [K]
    return float(torch.exp(-(shares * shares.log()).sum()))


def participation_ratio(spectrum: Tensor) -> float:
    """Return ``(sum lambda)^2 / sum lambda^2``: D for a flat spectrum, 1 for one direction.

    Args:
        spectrum: Eigenvalues of the covariance. [K]
    """
    return float(spectrum.sum().square() / spectrum.square().sum().clamp(min=_TINY))


def spectrum_auc(values: Tensor, channels: int) -> float:
    """Return the area under the cumulative singular values: (1 + 1/D)/2 if flat, 1 on one line.

    Li, Efros and Pathak 2022, "Understanding Collapse in Non-Contrastive Siamese Representation
    Learning", section 3, for centred features that are not normalised. NaN if all are zero.

    Args:
        values: Singular values, descending. [K]
        channels: D; values beyond K are zero.
    """
    shares = values.cumsum(dim=0) / values.sum()  # [K]
    return float((shares.sum() + (channels - len(values))) / channels)


def alpha_req(spectrum: Tensor, *, first: int = 11, last: int = 100) -> float:
    """Return the exponent alpha of ``lambda_j ~ j^-alpha``, by least squares with weights 1/j.

    Agrawal et al. 2022, "alpha-ReQ"; the best features in the paper have an alpha near 1. The range
    of j is that of the authors' code. NaN if fewer than two values in the range are positive.

    Args:
        spectrum: Eigenvalues of the covariance, descending. [K]
        first: First j, counted from 1.
        last: Last j.
    """
    index = torch.arange(1, len(spectrum) + 1, dtype=torch.float64, device=spectrum.device)
    known = (index >= first) & (index <= last) & (spectrum > spectrum.max() * 1e-14)
    if int(known.sum()) < 2:
        return math.nan
    x, y, weight = index[known].log(), spectrum[known].log(), 1.0 / index[known]
    weight = weight / weight.sum()
    x, y = x - (weight * x).sum(), y - (weight * y).sum()
    return float(-(weight * x * y).sum() / (weight * x * x).sum())


def lidar(features: Tensor, *, delta: float = 1e-4, epsilon: float = 1e-8) -> float:
    """Return the effective rank of the differences between images, relative to those of views.

    Thilak et al. 2024, "LiDAR", section 4: each image is a class, and

        rank of  S_w^-1/2 S_b S_w^-1/2

    with S_b the covariance of the means of the images, and S_w the mean covariance of their views.

    Args:
        features: [N, Q, D], Q >= 2; N should be above D.
        delta: Added to the diagonal of S_w.
        epsilon: Added to the normalised eigenvalues.

    Raises:
        ValueError: Fewer than two images or views.
    """
    images, views, channels = features.shape
    if images < 2 or views < 2:
        raise ValueError(
            f"LiDAR needs at least two images with two views, found {images} with {views}"
        )
    exact = features.double()
    means = exact.mean(dim=1)  # [N, D]
    between = means - means.mean(dim=0)  # [N, D]
    within = (exact - means[:, None]).flatten(0, 1)  # [N Q, D]
    covariance = within.T @ within / (images * (views - 1))  # [D, D]
    covariance.diagonal().add_(delta)
    whitened = torch.linalg.solve_triangular(
        torch.linalg.cholesky(covariance), between.T, upper=False
    )  # [D, N]; S_w^-1/2 up to a rotation, which does not change the eigenvalues
    small = whitened.T @ whitened if images <= channels else whitened @ whitened.T
    spectrum = torch.linalg.eigvalsh(small / (images - 1)).flip(0).clamp(min=0.0)
    shares = spectrum / spectrum.sum().clamp(min=_TINY) + epsilon
    return float(torch.exp(-(shares * shares.log()).sum()))


def rank_ceiling(count: int, channels: int, *, centred: bool) -> int:
    """Return the ceiling of a rank; centring reduces the number of features by one."""
    return min(count - 1 if centred else count, channels)


def _gram_eigenvalues(features: Tensor, centred: bool) -> Tensor:
    if features.ndim != 2 or len(features) < 2:
        raise ValueError(f"a spectrum needs features [N, D], N >= 2, found {tuple(features.shape)}")
    if not bool(features.isfinite().all()):
        raise ValueError("features contain NaN or infinity")
    exact = features.double()
    if centred:
        exact = exact - exact.mean(dim=0)
    gram = exact @ exact.T if len(exact) <= exact.shape[1] else exact.T @ exact
    found = torch.linalg.eigvalsh(gram).flip(0)
    # Below this the values are rounding errors of the Gram matrix.
    return torch.where(found > found.max().clamp(min=0.0) * 1e-16, found, 0.0)  # [K]
