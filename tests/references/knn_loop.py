"""Slow and obvious definitions of k-NN classification and top-k accuracy."""

import math


def cosine(a, b):
    norm = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(x * x for x in b))
    return sum(x * y for x, y in zip(a, b)) / norm if norm > 0 else 0.0


def knn_classify_loop(bank, labels, queries, k, num_classes, temperature):
    """Shares of the vote, one list a query."""
    result = []
    for query in queries:
        ranked = sorted(range(len(bank)), key=lambda i: (-cosine(bank[i], query), i))
        votes = [0.0] * num_classes
        for i in ranked[:k]:
            votes[labels[i]] += math.exp(cosine(bank[i], query) / temperature)
        result.append([share / sum(votes) for share in votes])
    return result


def top_k_accuracy_loop(scores, labels, k):
    """In percent; of equal scores the lower class comes first."""
    hits = 0
    for row, label in zip(scores, labels):
        ranked = sorted(range(len(row)), key=lambda c: (-row[c], c))
        hits += label in ranked[:k]
    return 100.0 * hits / len(labels)
