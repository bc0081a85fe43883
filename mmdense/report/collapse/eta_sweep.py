"""How much of the centre is in the extra gradient, over all weights of it (figure 5a of the paper).

Zhang et al. 2022, "How Does SimSiam Avoid Collapse Without Negative Samples?", section 4.2, finds
eta_p where the curve ``cos(o_e - eta o_p, o_p)`` crosses zero. The two shares that a run stores,

    eta_p = (o_z - o_p) . o_p / |o_p|^2      and      eta_z = (o_p - o_z) . o_z / |o_z|^2

give the whole curve: with |o_p| = 1 the first is ``o_z . o_p - 1``, so both lengths and the product
are known.
"""

import math
from collections.abc import Sequence

__all__ = ["cosine_without_centre"]


def cosine_without_centre(eta_p: float, eta_z: float, etas: Sequence[float]) -> list[float]:
    """``cos(o_e - eta o_p, o_p)`` for each eta, where ``o_e = o_z - o_p``.

    Exchange the two shares for mirror SimSiam, whose ``o_e`` is ``o_p - o_z`` and whose centre is
    ``o_z``. NaN where the centres are orthogonal or nothing is left.

    Args:
        eta_p: Part of o_p in o_e.
        eta_z: Part of o_z in ``o_p - o_z``, which holds the length of o_z.
        etas: Weights of the centre that is taken away.
    """
    if not (math.isfinite(eta_p) and math.isfinite(eta_z)) or 1.0 + eta_z == 0.0:
        return [math.nan] * len(etas)
    product = 1.0 + eta_p  # o_z . o_p, in units of |o_p|^2
    square = max(0.0, product / (1.0 + eta_z) + 1.0 - 2.0 * product)  # |o_e|^2
    found = []
    for eta in etas:
        rest = square - 2.0 * eta * eta_p + eta * eta  # |o_e - eta o_p|^2
        cosine = max(-1.0, min(1.0, (eta_p - eta) / math.sqrt(max(rest, 1e-24))))
        found.append(cosine if rest > 1e-24 else math.nan)
    return found
