"""What the folder of a run holds, and the backbone of its model."""

from pathlib import Path

from torch import nn

__all__ = ["backbone_of", "find_checkpoint", "find_config"]


def find_config(work_dir: Path) -> Path:
    """The config that a run left in its folder.

    Raises:
        FileNotFoundError: There is no such folder, or no config in it.
        ValueError: There are several configs.
    """
    if not work_dir.is_dir():
        raise FileNotFoundError(f"there is no folder {work_dir}")
    found = sorted(work_dir.glob("*.py"))
    if not found:
        raise FileNotFoundError(
            f"{work_dir} has no config: looked for {work_dir}/*.py, which a training writes; "
            "name it with --config"
        )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise ValueError(f"{work_dir} has {len(found)} configs, {names}; choose with --config")
    return found[0]


def find_checkpoint(work_dir: Path) -> Path:
    """The checkpoint that ``last_checkpoint`` in the folder of a run names.

    A folder that was moved has its checkpoints beside that file, whatever path stands in it.

    Raises:
        FileNotFoundError: There is no such file, or not the checkpoint that it names.
    """
    note = work_dir / "last_checkpoint"
    if not note.is_file():
        raise FileNotFoundError(
            f"{work_dir} has no checkpoint: looked for the file {note}, which names the last one; "
            "name one with --checkpoint"
        )
    named = Path(note.read_text().strip())
    for path in (named, work_dir / named.name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{note} names {named}, which is not there, nor is {work_dir / named.name}; name a "
        "checkpoint with --checkpoint"
    )


def backbone_of(model: nn.Module) -> nn.Module:
    """The backbone of a host's model.

    Raises:
        ValueError: It has none.
    """
    backbone = getattr(model, "backbone", None)
    if not isinstance(backbone, nn.Module):
        parts = ", ".join(name for name, _ in model.named_children()) or "none"
        raise ValueError(
            f"{type(model).__name__} has no backbone: looked for the module `backbone` of the "
            f"model, whose modules are {parts}"
        )
    return backbone
