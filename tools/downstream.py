"""Fine-tune a checkpoint on a suite of downstream tasks.

    python tools/downstream.py CHECKPOINT --suite small --source FOLDER_OF_THE_DATA

Trains the configs of the suite whose backbone the checkpoint fits, and the baselines of the suite.
Run the command again to resume an interrupted suite.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Train the suite, then write the record, the table and the HTML report."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    option("checkpoint", help="file or URL, of any project: docs/transfer.md")
    option("--suite", required=True, help="small, coco, ade20k, voc, or a config file")
    words = "label fractions in percent, such as 1 10 100 (default: 100)"
    option("--labels", nargs="+", type=float, default=[100], metavar="PERCENT", help=words)
    words = "train only these and their baselines"
    option("--variants", nargs="+", metavar="NAME", help=words)
    option("--seeds", nargs="+", type=int, help="random seeds (default: those of the suite)")
    option("--gpus", type=int, default=1, help="GPUs of each training (default: 1, or the CPU)")
    parser.add_allow()
    parser.add_workflow("downstream", "downstream_SUITE/FOLDER_CHECKPOINT")
    parser.add_trust()
    args = parser.parse_args()
    from mmdense.workflow.downstream import downstream_study, suite_file
    from mmdense.workflow.study import Study

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


if __name__ == "__main__":
    sys.exit(main())
