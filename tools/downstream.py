"""Fine-tune a checkpoint on a suite of downstream tasks.

    python tools/downstream.py CHECKPOINT --suite small --source FOLDER_OF_THE_DATA

Trains the configs of the suite whose backbone the checkpoint fits, and the baselines of the suite.
Run the command again to resume an interrupted suite.
"""

import argparse
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser


def _arguments() -> argparse.Namespace:
    from mmdense.engine import launch

    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", help="file or URL, of any project: docs/transfer.md")
    parser.add_argument("--suite", required=True, help="small, coco, ade20k, voc, or a config file")
    parser.add_argument(
        "--labels", nargs="+", type=float, default=[100], metavar="PERCENT",
        help="label fractions in percent, such as 1 10 100 (default: 100)",
    )  # fmt: skip
    parser.add_argument(
        "--variants", nargs="+", metavar="NAME", help="train only these and their baselines"
    )
    parser.add_argument(
        "--seeds", nargs="+", type=int, help="random seeds (default: those of the suite)"
    )
    parser.add_argument(
        "--gpus", type=int, default=1, help="GPUs of each training (default: 1, or the CPU)"
    )
    parser.add_argument(
        "--allow",
        nargs="+",
        default=[],
        metavar="NAME",
        help="weights and mismatches to accept, in every training of the suite",
    )
    parser.add_argument(
        "--work-dir", type=Path, help="default: work_dirs/downstream_SUITE/FOLDER_CHECKPOINT"
    )
    parser.add_argument(
        "--source",
        type=Path,
        help="folder with the downloaded archives (default: $MMDENSE_SOURCES)",
    )
    parser.add_argument(
        "--keep",
        metavar="WHAT",
        help="also keep the record as results/downstream/<date>_<WHAT>; needs a clean git tree",
    )
    launch.add_trust_argument(parser)
    return parser.parse_args()


def main() -> int:
    """Train the suite, then write the record, the table and the HTML report."""
    args = _arguments()
    from mmdense.workflow.downstream import downstream_study, suite_file
    from mmdense.workflow.runner import exit_status
    from mmdense.workflow.study import Study

    def run() -> None:
        suite = suite_file(args.suite)
        cfg, left_out = downstream_study(
            suite,
            args.checkpoint,
            percents=args.labels,
            seeds=args.seeds,
            gpus=args.gpus,
            allow=args.allow,
            variants=args.variants,
        )
        cfg.trust_checkpoint = args.trust_checkpoint
        for name, reason in left_out.items():
            print(f"skipping {name}: {reason}")
        checkpoint = Path(args.checkpoint)  # the folder distinguishes last.pth of two runs
        folder = Path("work_dirs") / cfg.name / f"{checkpoint.parent.name}_{checkpoint.stem}"
        study = Study.from_config(cfg, str(suite), work_dir=args.work_dir or folder)
        study.run(source=args.source)
        study.report(keep_as=args.keep)

    return exit_status("downstream", run)


if __name__ == "__main__":
    sys.exit(main())
