"""Report whether runs collapse, and why: figures and an HTML report.

python tools/collapse_report.py work_dirs/a work_dirs/b -o report
python tools/collapse_report.py --config CONFIG --checkpoint epoch_10.pth epoch_20.pth
"""

import argparse
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "work_dirs", nargs="*", type=Path, metavar="WORK_DIR", help="folder with collapse.json"
    )
    parser.add_argument(
        "-o", "--out", type=Path, metavar="DIR",
        help="output folder (default: collapse_report in the work directory)",
    )  # fmt: skip
    parser.add_argument(
        "--config", type=config_file, help="config of a run without the hook; needs --checkpoint"
    )
    parser.add_argument(
        "--checkpoint",
        nargs="+",
        default=[],
        metavar="FILE",
        help="checkpoints of that run, in order",
    )
    parser.add_argument(
        "--images", type=int, help="number of training images (default: that of the hook, or 512)"
    )
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    launch.add_trust_argument(parser)
    parser.set_defaults(launcher="none", local_rank=0, seed=None, work_dir=None)
    args = parser.parse_args()
    if (args.config is None) != (not args.checkpoint):
        parser.error("--config and --checkpoint need each other")
    if not args.work_dirs and args.config is None:
        parser.error("pass work directories, or --config and --checkpoint")
    return args


def main() -> int:
    """Write the report and print the verdicts."""
    args = parse_arguments()
    from mmdense.report.collapse.runs import read_runs
    from mmdense.report.page import write_collapse_report

    folders, out = list(args.work_dirs), args.out
    try:
        if args.config is not None:
            folders.append(_read_checkpoints(args))
        runs = read_runs(folders)
        default = folders[0] / "collapse_report" if len(folders) == 1 else Path("collapse_report")
        page = write_collapse_report(runs, out or default)
    except (OSError, ValueError) as error:
        print(f"collapse_report.py: {error}", file=sys.stderr)
        return 1
    for run in runs:
        print(f"{run.name}: {run.verdict or 'no verdict yet'}. {run.reason}".rstrip())
    print(page)
    return 0


def _read_checkpoints(args: argparse.Namespace) -> Path:
    """Write the ``collapse.json`` of checkpoints, and return its folder."""
    from mmdense.collapse.checkpoint_readings import history_of_checkpoints
    from mmdense.engine import launch

    cfg = launch.load_config(args)  # SyncBN needs no GPU in eval mode
    history = history_of_checkpoints(cfg, args.checkpoint, images=args.images)
    folder = args.out or Path(f"{cfg.work_dir}_checkpoints")
    history.write(folder)
    return folder


if __name__ == "__main__":
    sys.exit(main())
