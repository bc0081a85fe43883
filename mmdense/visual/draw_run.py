"""All images of features that fit a trained model, in one folder with captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from mmdense.checkpoints.trained_model import load_trained
from mmdense.evaluation.probe_loaders import build_preprocessor
from mmdense.visual.attention_image import draw_attention
from mmdense.visual.chosen_images import open_images
from mmdense.visual.drawn import Drawn, Written, write_images
from mmdense.visual.neighbours_image import draw_neighbours
from mmdense.visual.patch_pca_image import draw_patch_pca
from mmdense.visual.proposals_image import draw_proposals


def draw_run(cfg: Config, checkpoint: str | Path, folder: Path) -> Written:
    """Draw features, attention, neighbours and proposals of a model on a fixed set of images.

    Args:
        cfg: Config of the run.
        checkpoint: Checkpoint of the run.
        folder: Folder for the PNGs and :data:`~mmdense.visual.drawn.CAPTIONS`; it is created.

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
    return write_images(images, folder)


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
