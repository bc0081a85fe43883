"""DINO's cross entropy between views, and Sinkhorn-Knopp, as plain loops."""

import math


def softmax(row):
    """Probabilities of a list of logits."""
    largest = max(row)
    powers = [math.exp(value - largest) for value in row]
    return [power / sum(powers) for power in powers]


def cross_entropy(target, logits, temperature):
    """H(target, softmax(logits / temperature)) of two lists."""
    found = softmax([value / temperature for value in logits])
    return -sum(p * math.log(q) for p, q in zip(target, found, strict=True))


def mean_over_pairs(targets, views, temperature):
    """Mean cross entropy of one image over pairs of different views; lists of lists."""
    pairs = [
        cross_entropy(target, view, temperature)
        for teacher, target in enumerate(targets)
        for student, view in enumerate(views)
        if student != teacher
    ]
    return sum(pairs) / len(pairs)


def sinkhorn(logits, temperature, iterations):
    """Assignments of rows that use all prototypes equally; lists of lists."""
    shares = [[math.exp(value / temperature) for value in row] for row in logits]
    for _ in range(iterations):
        used = [sum(row[k] for row in shares) for k in range(len(shares[0]))]
        shares = [[value / of for value, of in zip(row, used, strict=True)] for row in shares]
        shares = [[value / sum(row) for value in row] for row in shares]
    return shares
