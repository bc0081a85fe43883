"""The newest checkpoint of a run that can be gone on from."""

from pathlib import Path

from mmengine.logging import print_log

from mmdense.checkpoints.read import UnsafeCheckpointError, read_checkpoint

__all__ = ["last_good_checkpoint"]

_NEEDED = ("meta", "state_dict", "optimizer", "message_hub")


def last_good_checkpoint(work_dir: str | Path) -> Path | None:
    """The newest file of ``work_dir`` that holds a whole training state; None where there is none.

    Newest is what was written last. Files that are cut off are passed over, and named in the log;
    files without an optimizer (the best weights, published ones) are passed over in silence.
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
            print_log(f"passed over: {error}", logger="current")
            continue
        if all(key in content for key in _NEEDED):
            epoch, iteration = content["meta"]["epoch"], content["meta"]["iter"]
            print_log(f"going on from {path}: epoch {epoch}, iteration {iteration}", "current")
            return path
    return None
