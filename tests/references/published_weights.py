"""Checkpoints as their publishers name them, with few and narrow layers and drawn values.

Names and nesting are those of the released files and of the code that writes them; where the code
is installed (torchvision, OpenMMLab), it builds the weights itself.
"""

import argparse

import torch

WIDTH, DEPTH, PATCH, GRID = 32, 2, 4, 3


def draw(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.2 for name, shape in shapes.items()}


def layers(prefix: str = "", **sizes: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Shapes of weights and biases; in a name, ``__`` is a dot."""
    named = {prefix + name.replace("__", "."): shape for name, shape in sizes.items()}
    return {
        f"{name}.{part}": shape if part == "weight" else shape[:1]
        for name, shape in named.items()
        for part in ("weight", "bias")
    }


def timm_vit(
    *,
    patch: int = PATCH,
    positions: int = GRID * GRID + 1,
    layer_scale: bool = False,
    blocks: str = "blocks.{i}.",
    depth: int = DEPTH,
    seed: int = 0,
) -> dict[str, torch.Tensor]:
    C = WIDTH
    shapes = {"cls_token": (1, 1, C), "pos_embed": (1, positions, C)}
    shapes |= layers(patch_embed__proj=(C, 3, patch, patch), norm=(C,))
    for i in range(depth):
        block = blocks.format(i=i)
        shapes |= layers(block, norm1=(C,), attn__qkv=(3 * C, C), attn__proj=(C, C), norm2=(C,))
        shapes |= layers(block, mlp__fc1=(4 * C, C), mlp__fc2=(C, 4 * C))
        if layer_scale:
            shapes |= {f"{block}ls1.gamma": (C,), f"{block}ls2.gamma": (C,)}
    return draw(shapes, seed)


def under(prefix: str, weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {prefix + name: value for name, value in weights.items()}


def dino_head(prefix: str) -> dict[str, torch.Tensor]:
    return draw({f"{prefix}mlp.0.weight": (8, WIDTH), f"{prefix}last_layer.weight_v": (9, 8)})


def dino() -> dict:
    """What facebookresearch/dino saves while it trains."""
    return {
        "student": under("module.backbone.", timm_vit(seed=1)) | dino_head("module.head."),
        "teacher": under("backbone.", timm_vit(seed=2)) | dino_head("head."),
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
        "epoch": 3,
        "args": argparse.Namespace(arch="vit_small", patch_size=16),
        "dino_loss": {"center": torch.zeros(1, 9)},
    }


def ibot() -> dict:
    """What bytedance/ibot saves while it trains: DINO's file, and a token for masked patches."""
    content = dino()
    content["student"] |= draw({"module.backbone.masked_embed": (1, WIDTH)})
    content["ibot_loss"] = content.pop("dino_loss") | {"center2": torch.zeros(1, 1, 9)}
    return content


def selfpatch_vit(seed: int = 0, **more) -> dict[str, torch.Tensor]:
    """The ViT of alinlab/SelfPatch: no class token, no row of it, no norm behind the last layer."""
    weights = timm_vit(positions=GRID * GRID, seed=seed, **more)
    for name in ("cls_token", "norm.weight", "norm.bias"):
        del weights[name]
    return weights


def selfpatch() -> dict:
    """What alinlab/SelfPatch saves: beside the ViT an attention for a class token, two heads.

    Names of selfpatch_vision_transformer.py and main_selfpatch.py at commit 81aef14.
    """
    C = WIDTH
    shapes = {"ca_head.cls_token": (1, 1, C), **layers(ca_head__norm=(C,))}
    for i in range(2):
        block = f"ca_head.cls_blocks.{i}."
        shapes |= layers(block, mlp__fc1=(4 * C, C), mlp__fc2=(C, 4 * C), norm1=(C,), norm2=(C,))
        shapes |= layers(block, **{f"attn__{part}": (C, C) for part in ("q", "k", "v", "proj")})
    heads = draw(shapes) | dino_head("c_head.") | dino_head("p_head.")
    return {
        "student": under("module.", under("backbone.", selfpatch_vit(seed=1)) | heads),
        "teacher": under("backbone.", selfpatch_vit(seed=2)) | heads,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}, "param_groups": [{"lr": 0.1}]},
        "epoch": 200,
        "args": argparse.Namespace(arch="vit_small", patch_size=16, k_num=4),
        "dino_loss": {"center": torch.zeros(1, 1, 9), "patch_center": torch.zeros(1, 9)},
    }


def deit_distilled() -> dict:
    weights = timm_vit(positions=GRID * GRID + 2)
    more = {"dist_token": (1, 1, WIDTH), "head.weight": (7, WIDTH), "head_dist.weight": (7, WIDTH)}
    return {"model": weights | draw(more, seed=5)}


def dinov2(registers: int = 0) -> dict:
    more = {"mask_token": (1, WIDTH)}
    if registers:
        more["register_tokens"] = (1, registers, WIDTH)
    return timm_vit(layer_scale=True) | draw(more, seed=6)


def dinov2_training() -> dict:
    weights = timm_vit(layer_scale=True, blocks="blocks.0.{i}.")
    return {"teacher": under("backbone.", weights) | dino_head("dino_head.")}


def mae() -> dict:
    decoder = {"mask_token": (1, 1, 8), "decoder_pos_embed": (1, GRID * GRID + 1, 8)}
    decoder |= layers(decoder_embed=(8, WIDTH), decoder_norm=(8,), decoder_pred=(48, 8))
    decoder |= layers("decoder_blocks.0.", norm1=(8,), attn__qkv=(24, 8))
    return {"model": timm_vit() | draw(decoder, seed=7)}


def moco_v3_vit() -> dict:
    base, momentum = timm_vit(seed=1), timm_vit(seed=2)
    head = draw({"head.0.weight": (16, WIDTH), "head.1.running_mean": (16,)})
    return {
        "epoch": 300,
        "arch": "vit_small",
        "state_dict": under("module.base_encoder.", base | head)
        | under("module.momentum_encoder.", momentum | head)
        | draw({"module.predictor.0.weight": (16, 16)}),
    }


def beit() -> dict:
    """The names of microsoft/unilm: no bias for keys, relative positions in every block."""
    weights = timm_vit()
    del weights["pos_embed"]
    rows = (2 * GRID - 1) ** 2 + 3
    for i in range(DEPTH):
        bias = weights.pop(f"blocks.{i}.attn.qkv.bias")
        weights[f"blocks.{i}.attn.q_bias"], _, weights[f"blocks.{i}.attn.v_bias"] = bias.chunk(3)
        extra = {
            f"blocks.{i}.gamma_1": (WIDTH,),
            f"blocks.{i}.gamma_2": (WIDTH,),
            f"blocks.{i}.attn.relative_position_bias_table": (rows, 2),
        }
        weights |= draw(extra, seed=8 + i)
        weights[f"blocks.{i}.attn.relative_position_index"] = torch.zeros(10, 10, dtype=torch.long)
    weights["fc_norm.weight"] = weights.pop("norm.weight")
    weights["fc_norm.bias"] = weights.pop("norm.bias")
    return {"model": weights | draw({"head.weight": (7, WIDTH)})}


def moco_v2(resnet: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict:
    head = draw({"fc.0.weight": (8, 16), "fc.2.weight": (4, 8)})
    return {
        "epoch": 800,
        "arch": "resnet18",
        "state_dict": under("module.encoder_q.", resnet | head)
        | under("module.encoder_k.", other | head)
        | draw({"module.queue": (4, 16)}),
    }


def simsiam(resnet: dict[str, torch.Tensor]) -> dict:
    more = {"module.encoder.fc.0.weight": (8, 16), "module.predictor.0.weight": (4, 8)}
    return {"state_dict": under("module.encoder.", resnet) | draw(more), "optimizer": {}}


def swav(resnet: dict[str, torch.Tensor]) -> dict:
    """What facebookresearch/swav releases: a state dict of its ResNet under ``module.``."""
    more = {"projection_head.0.weight": (8, 16), "projection_head.1.running_mean": (8,)}
    more |= {"projection_head.3.weight": (4, 8), "prototypes.weight": (9, 4)}
    return under("module.", resnet | draw(more))


def mm_byol(resnet: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict:
    """MMPretrain's and MMSelfSup's BYOL."""
    more = {"neck.fc0.weight": (8, 16), "head.predictor.fc0.weight": (4, 8)}
    return {
        "meta": {"epoch": 1},
        "state_dict": under("backbone.", resnet)
        | under("target_net.module.0.", other)
        | draw(more | {"target_net.module.1.fc0.weight": (8, 16)}),
    }


def detectron2(resnet: dict[str, torch.Tensor]) -> dict:
    """Names that Detectron2 gives to a ResNet with frozen statistics."""
    named = {}
    for name, value in resnet.items():
        if name.startswith("fc.") or name.endswith("num_batches_tracked"):
            continue
        new = name.replace("downsample.0.", "shortcut.").replace("downsample.1.", "shortcut.norm.")
        for i in range(1, 5):
            new = new.replace(f"layer{i}.", f"res{i + 1}.")
        for n in (1, 2, 3):
            new = new.replace(f"bn{n}.", f"conv{n}.norm.")
        named["stem." + new if new.startswith("conv1.") else new] = value
    return {"model": named, "__author__": "somebody", "matching_heuristics": True}


def sequential(resnet: dict[str, torch.Tensor]) -> dict:
    """``nn.Sequential(*list(resnet.children())[:-1])``."""
    places = {"conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"}
    named = {}
    for name, value in resnet.items():
        first, _, rest = name.partition(".")
        if first in places:
            named[f"{places[first]}.{rest}"] = value
    return named


def timm_swin(authors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """timm merges patches where a stage begins, the authors where it ends."""
    named = {}
    for name, value in authors.items():
        parts = name.split(".")
        if "downsample" in parts:
            parts[1] = str(int(parts[1]) + 1)
        named[".".join(parts)] = value
    return named


def authors_swin(torchvision: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights of torchvision's Swin under the names of microsoft/Swin-Transformer."""
    named = {}
    for old, value in torchvision.items():
        if old.endswith("relative_position_index"):
            continue
        name = old
        first, *rest = name.split(".")
        if first == "features":
            number = int(rest[0])
            if number == 0:
                rest = ["patch_embed", "proj" if rest[1] == "0" else "norm", *rest[2:]]
            elif number % 2:
                rest = ["layers", str((number - 1) // 2), "blocks", *rest[1:]]
            else:
                rest = ["layers", str(number // 2 - 1), "downsample", *rest[1:]]
            name = ".".join(rest).replace("mlp.0.", "mlp.fc1.").replace("mlp.3.", "mlp.fc2.")
        named[name] = value
    return named


def numbered_efficientnet(timm: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Lite0 as EfficientNet-PyTorch names it: the same tensors as timm's in the same order."""
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    names = ["_conv_stem.weight", *(f"_bn0.{part}" for part in norm)]
    for number in range(16):
        for conv, bn in (("expand", 0), ("depthwise", 1), ("project", 2)):
            if number == 0 and conv == "expand":
                continue
            block = f"_blocks.{number}."
            names += [f"{block}_{conv}_conv.weight", *(f"{block}_bn{bn}.{part}" for part in norm)]
    names += ["_conv_head.weight", *(f"_bn1.{part}" for part in norm), "_fc.weight", "_fc.bias"]
    return dict(zip(names, timm.values(), strict=True))
