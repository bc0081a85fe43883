"""SimSiam decomposition: related methods, parts of the gradient, and small predictors.

Importing this package registers its heads, losses and predictors, and ``mmdense.PhaseHook``.
"""

from projects.simsiam_decomp.component_cut import ComponentCutHead
from projects.simsiam_decomp.contrastive_heads import DualTemperatureHead, TripletHead
from projects.simsiam_decomp.expectation_heads import MovingAverageHead, SameBatchExpectationHead
from projects.simsiam_decomp.pair_losses import LossSumHead
from projects.simsiam_decomp.phases import PhasedHead, PhaseHook
from projects.simsiam_decomp.predictors import AffinePredictor, DirectPredictor
from projects.simsiam_decomp.siamese_heads import (
    InversePredictorHead,
    MirrorSimSiamHead,
    NaiveSiameseHead,
    SimSiamHead,
    SymmetricPredictorHead,
)

__all__ = [
    "AffinePredictor",
    "ComponentCutHead",
    "DirectPredictor",
    "DualTemperatureHead",
    "InversePredictorHead",
    "LossSumHead",
    "MirrorSimSiamHead",
    "MovingAverageHead",
    "NaiveSiameseHead",
    "PhaseHook",
    "PhasedHead",
    "SameBatchExpectationHead",
    "SimSiamHead",
    "SymmetricPredictorHead",
    "TripletHead",
]
