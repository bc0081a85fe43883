"""All images of features that fit a trained model, in one folder with captions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from mmdense.checkpoints.atomic_backend import write_atomically
from mmdense.checkpoints.trained_model import load_trained
from mmdense.evaluation.probe_loaders import build_preprocessor
from mmdense.visual.attention_image import draw_attention
from mmdense.visual.chosen_images import open_images
from mmdense.visual.drawn import CAPTIONS, Drawn, NothingToDraw
from mmdense.visual.grid import png_bytes
from mmdense.visual.neighbours_image import draw_neighbours
from mmdense.visual.patch_pca_image import draw_patch_pca
from mmdense.visual.proposals_image import draw_proposals


class Written(NamedTuple):
    """Title and caption of each file that was written, and why others were not."""

    captions: dict[str, dict[str, str]]
    left_out: dict[str, str]


def draw_run(cfg: Config, checkpoint: str | Path, folder: Path) -> Written:
    """Draw features, attention, neighbours and proposals of a model on a fixed set of images.

    Args:
        cfg: Config of the run.
        checkpoint: Checkpoint of the run.
        folder: Folder for the PNGs and :data:`CAPTIONS`; it is created.

    Raises:
        FileNotFoundError: The checkpoint or images are missing.
        ValueError: The checkpoint does not fit the config, the model has no backbone, or its
            features are not finite.
    """
    model = load_trained(cfg, checkpoint)
    backbone = backbone_of(model)
    preprocess = build_preprocessor(cfg, None, where="draw_features").to(get_device())
    source = open_images(cfg)
    images: dict[str, Callable[[], Drawn]] = {
        "patch_pca.png": lambda: draw_patch_pca(backbone, preprocess, source),
        "attention.png": lambda: draw_attention(backbone, preprocess, source),
        "neighbours.png": lambda: draw_neighbours(backbone, preprocess, source),
        "proposals.png": lambda: draw_proposals(model, source),
    }
    done = Written({}, {})
    for name, draw in images.items():
        try:
            drawn = draw()
        except NothingToDraw as reason:
            done.left_out[name] = str(reason)
            continue
        write_atomically(png_bytes(drawn.image), folder / name)
        done.captions[name] = {"title": drawn.title, "caption": drawn.caption}
    text = json.dumps(done.captions, indent=1, ensure_ascii=False) + "\n"
    write_atomically(text.encode(), folder / CAPTIONS)
    return done


def find_config(work_dir: Path) -> Path:
    """Return the config in the work directory of a run.

    Raises:
        FileNotFoundError: There is no such folder, or no config in it.
        ValueError: There are several configs.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f"no such folder: {work_dir}")
    found = sorted(work_dir.glob("*.py"))
    if not found:
        raise FileNotFoundError(
            f"{work_dir} has no config: looked for {work_dir}/*.py, which a training writes. "
            "Set --config"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{work_dir} has {len(found)} configs, {names}. Set --config")
    return found[0]


def find_checkpoint(work_dir: Path) -> Path:
    """Return the checkpoint that ``last_checkpoint`` in the work directory of a run names.

    If the folder was moved, the checkpoint of that name in the folder is returned.

    Raises:
        FileNotFoundError: ``last_checkpoint`` or the checkpoint that it names is missing.
    """
    note = work_dir / "last_checkpoint"
    if not note.is_file():
        raise FileNotFoundError(
            f"{work_dir} has no checkpoint: no such file {note}. Set --checkpoint"
        )
    named = Path(note.read_text().strip())
    for path in (named, work_dir / named.name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{note} names {named}: neither this file nor {work_dir / named.name} exists. "
        "Set --checkpoint"
    )


def backbone_of(model: nn.Module) -> nn.Module:
    """Return the backbone of a model.

    Raises:
        ValueError: The model has no backbone.
    """
    backbone = getattr(model, "backbone", None)
    if isinstance(backbone, nn.Module):
        return backbone
    parts = ", ".join(name for name, _ in model.named_children()) or "none"
    raise ValueError(
        f"{type(model).__name__} has no backbone: looked for the module `backbone` of the model, "
        f"whose modules are {parts}"
    )
