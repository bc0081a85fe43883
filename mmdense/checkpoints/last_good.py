"""The newest checkpoint of a run that can be resumed."""

from pathlib import Path

from mmengine.logging import print_log

from mmdense.checkpoints.read import UnsafeCheckpointError, read_checkpoint

__all__ = ["last_good_checkpoint"]

_NEEDED = ("meta", "state_dict", "optimizer", "message_hub")


def last_good_checkpoint(work_dir: str | Path) -> Path | None:
    """Return the latest file in ``work_dir`` with a complete training state, or ``None``.

    Truncated files are skipped with a message. Files without an optimizer (best or exported
    weights) are skipped without a message.
    """
    files = sorted(
        (path for path in Path(work_dir).glob("*.pth") if not path.name.startswith("best_")),
        key=lambda path: path.stat().st_mtime_ns,
        reverse=True,
    )
    for path in files:
        try:
            content = read_checkpoint(path)
        except UnsafeCheckpointError:
            raise
        except ValueError as error:
            print_log(f"Skipping unreadable checkpoint: {error}", logger="current")
            continue
        if all(key in content for key in _NEEDED):
            epoch, iteration = content["meta"]["epoch"], content["meta"]["iter"]
            print_log(f"Resuming from {path}: epoch {epoch}, iteration {iteration}.", "current")
            return path
    return None
