"""Report whether runs collapse, and why: figures and an HTML report.

python tools/collapse_report.py work_dirs/a work_dirs/b -o report
python tools/collapse_report.py --config CONFIG --checkpoint epoch_10.pth epoch_20.pth
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Write the report and print the verdicts."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    option("work_dirs", nargs="*", type=Path, metavar="WORK_DIR", help="folder with collapse.json")
    words = "output folder (default: collapse_report in the work directory)"
    option("-o", "--out", type=Path, metavar="DIR", help=words)
    words = "config of a run without the hook; needs --checkpoint"
    option("--config", type=config_file, help=words)
    words = "checkpoints of that run, in order"
    option("--checkpoint", nargs="+", default=[], metavar="FILE", help=words)
    words = "number of training images (default: that of the hook, or 512)"
    option("--images", type=int, help=words)
    parser.add_overrides()
    parser.add_trust()
    args = parser.parse_args()
    if (args.config is None) != (not args.checkpoint):
        parser.error("--config and --checkpoint need each other")
    if not args.work_dirs and args.config is None:
        parser.error("pass work directories, or --config and --checkpoint")
    from mmdense.collapse.checkpoint_readings import history_of_checkpoints
    from mmdense.engine import launch
    from mmdense.report.collapse.runs import read_runs
    from mmdense.report.page import write_collapse_report

    folders = list(args.work_dirs)
    if args.config is not None:
        cfg = launch.load_config(args)  # SyncBN needs no GPU in eval mode
        history = history_of_checkpoints(cfg, args.checkpoint, images=args.images)
        folders.append(args.out or Path(f"{cfg.work_dir}_checkpoints"))
        history.write(folders[-1])
    runs = read_runs(folders)
    default = folders[0] / "collapse_report" if len(folders) == 1 else Path("collapse_report")
    page = write_collapse_report(runs, args.out or default)
    for run in runs:
        print(f"{run.name}: {run.verdict or 'no verdict yet'}. {run.reason}".rstrip())
    print(page)


if __name__ == "__main__":
    sys.exit(main())
