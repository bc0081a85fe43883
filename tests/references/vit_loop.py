"""A vision transformer written out in timm's names, to check the result of a transfer."""

import torch
import torch.nn.functional as F


def vit_features(weights, image, *, heads, eps=1e-6, final_norm=True):
    """Tokens [N, 1 + patches, C] of an image [N, 3, H, W]; LayerScale, class token as there."""
    kernel = weights["patch_embed.proj.weight"]
    x = F.conv2d(image, kernel, weights["patch_embed.proj.bias"], stride=kernel.shape[2:])
    x = x.flatten(2).transpose(1, 2)
    if "cls_token" in weights:
        x = torch.cat((weights["cls_token"].expand(len(x), -1, -1), x), dim=1)
    x = x + weights["pos_embed"]
    i = 0
    while f"blocks.{i}.norm1.weight" in weights:
        block = {
            name[len(f"blocks.{i}.") :]: value
            for name, value in weights.items()
            if name.startswith(f"blocks.{i}.")
        }
        x = x + block.get("ls1.gamma", 1) * _attend(_norm(x, block, "norm1", eps), block, heads)
        hidden = _linear(_norm(x, block, "norm2", eps), block, "mlp.fc1")
        x = x + block.get("ls2.gamma", 1) * _linear(F.gelu(hidden), block, "mlp.fc2")
        i += 1
    return _norm(x, weights, "norm", eps) if final_norm else x


def _attend(x, block, heads):
    C = x.shape[2]
    outputs = []
    q, k, v = _linear(x, block, "attn.qkv").chunk(3, dim=-1)
    size = C // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        scores = q[..., part] @ k[..., part].transpose(1, 2) / size**0.5
        outputs.append(scores.softmax(-1) @ v[..., part])
    return _linear(torch.cat(outputs, dim=-1), block, "attn.proj")


def _linear(x, weights, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _norm(x, weights, name, eps):
    mean, var = x.mean(-1, keepdim=True), x.var(-1, keepdim=True, correction=0)
    return (x - mean) / (var + eps).sqrt() * weights[f"{name}.weight"] + weights[f"{name}.bias"]
