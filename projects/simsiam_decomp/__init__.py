"""SimSiam decomposition: related methods, parts of the gradient, and small predictors.

Importing this package registers its heads, losses and predictors, and ``mmdense.PhaseHook``.
"""

from projects.simsiam_decomp import (  # noqa: F401
    component_cut,
    contrastive_heads,
    expectation_heads,
    pair_losses,
    phases,
    predictors,
    siamese_heads,
)
