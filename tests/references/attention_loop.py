"""A slow and obvious attention of one query over the patches."""

import math


def class_attention_loop(queries, keys, extra):
    """Lists [h][L][d] to [h][L - extra]; with no extra token, the mean query asks."""
    result = []
    for head_queries, head_keys in zip(queries, keys):
        size = len(head_keys[0])
        if extra:
            asking = head_queries[0]
        else:
            asking = [sum(row[c] for row in head_queries) / len(head_queries) for c in range(size)]
        logits = [sum(a * b for a, b in zip(asking, key)) / math.sqrt(size) for key in head_keys]
        weights = [math.exp(logit) for logit in logits]
        result.append([weight / sum(weights) for weight in weights[extra:]])
    return result
