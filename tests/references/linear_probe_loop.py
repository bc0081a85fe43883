"""Slow and obvious definition of the objective that a linear probe minimises."""

import math


def objective_loop(features, labels, weight, bias, strength):
    """Mean cross-entropy over images + strength / 2 * squared norm of the weight."""
    total = 0.0
    for feature, label in zip(features, labels):
        logits = [sum(w * x for w, x in zip(row, feature)) + b for row, b in zip(weight, bias)]
        total += math.log(sum(math.exp(logit) for logit in logits)) - logits[label]
    penalty = sum(w * w for row in weight for w in row)
    return total / len(features) + 0.5 * strength * penalty
