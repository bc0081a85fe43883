"""Measure time and size of the set-up of a fresh clone, and keep the record.

python tools/measure_setup.py NAME
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors

ROOT = Path(__file__).resolve().parents[1]


@one_line_errors
def main() -> None:
    """Clone the last commit into an empty folder, run ``make setup``, and keep the record."""
    parser = ToolParser(__doc__)
    words = "keep the record as results/setup/<date>_<NAME>"
    parser.add_argument("what", metavar="NAME", help=words)
    parser.add_argument("--python", default="python3", help="Python interpreter for the .venv")
    args = parser.parse_args()
    from mmdense.records.record import Record, keep

    record = Record.begin("setup", "setup", config={}, seed=None)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "mmdense"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        started = time.perf_counter()
        command = ["make", "--silent", "setup", f"PYTHON={args.python}"]
        subprocess.run(command, cwd=clone, check=True)
        record.wall_time_s = time.perf_counter() - started
        sizes = [path.lstat().st_size for path in (clone / ".venv").rglob("*")]
    record.metrics = {"setup_s": record.wall_time_s, "installed_gib": sum(sizes) / 2**30}
    print(", ".join(f"{name} {value:.6g}" for name, value in record.metrics.items()))
    print(f"wrote {keep(record, args.what, root=ROOT / 'results')}")


if __name__ == "__main__":
    sys.exit(main())
