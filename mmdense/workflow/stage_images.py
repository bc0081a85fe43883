"""Pictures of what the model of a finished stage sees, drawn once."""

import subprocess
import sys
from pathlib import Path

from mmdense.visual.drawn import CAPTIONS, FOLDER
from mmdense.workflow.stage import last_checkpoint

__all__ = ["draw_stage"]

_TOOL = Path(__file__).resolve().parents[2] / "tools" / "draw_features.py"


def draw_stage(name: str, work_dir: Path) -> str | None:
    """Run ``tools/draw_features.py`` on a stage whose pictures are missing or older than its model.

    Args:
        name: Of a stage that trains.
        work_dir: Of the pipeline.

    Returns:
        Why there are none, in a line; None where there are. A result does not depend on its
        pictures, so nothing is raised; all that the tool said is in ``pictures.log``.
    """
    folder = work_dir / name
    drawn = folder / FOLDER / CAPTIONS
    if drawn.is_file() and drawn.stat().st_mtime > last_checkpoint(name, work_dir).stat().st_mtime:
        return None
    log = folder / "pictures.log"
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(
            [sys.executable, str(_TOOL), str(folder)],
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode == 0:
        return None
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    return lines[-1] if lines else f"{_TOOL.name} ended with code {done.returncode}"
