"""Focal losses as loops over samples and classes (Lin et al. 2017, equations 4 and 5)."""

import math


def sigmoid_focal_loss_loop(logits, target, gamma, alpha, weight=None):
    """Losses [N][K] of plain lists."""
    losses = []
    for row, truth in zip(logits, target):
        losses.append([])
        for k, logit in enumerate(row):
            p = 1 / (1 + math.exp(-logit))
            p_t, alpha_t = (p, alpha) if k == truth else (1 - p, 1 - alpha)
            factor = weight[truth] if weight is not None and truth < len(weight) else 1
            losses[-1].append(-factor * alpha_t * (1 - p_t) ** gamma * math.log(p_t))
    return losses


def softmax_focal_loss_loop(logits, target, gamma, alpha, weight=None):
    """Losses [N] of plain lists."""
    losses = []
    for row, truth in zip(logits, target):
        p_t = math.exp(row[truth]) / sum(math.exp(logit) for logit in row)
        factor = 1 if weight is None else weight[truth]
        losses.append(-factor * alpha * (1 - p_t) ** gamma * math.log(p_t))
    return losses
