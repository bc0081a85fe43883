"""Run a pipeline: pretrain, probe, fine-tune, report.

    python tools/pipeline.py configs/pipelines/collage_demo.py
    python tools/pipeline.py configs/pipelines/bccd.py --source FOLDER_OF_THE_DATA

Run the command again to resume an interrupted pipeline. A stage whose inputs did not change is not
run again.
"""

import argparse
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(description="Run a pipeline: pretrain, probe, fine-tune, report.")
    parser.add_argument("config", type=config_file, help="such as those in configs/pipelines")
    parser.add_argument("--work-dir", type=Path, help="default: work_dirs/<name of the pipeline>")
    parser.add_argument(
        "--source",
        type=Path,
        help="folder with the downloaded archives (default: $MMDENSE_SOURCES)",
    )
    parser.add_argument("--seed", type=int, help="random seed (default: that of the config)")
    parser.add_argument(
        "--keep",
        metavar="WHAT",
        help="also keep the record as results/pipelines/<date>_<WHAT>; needs a clean git tree",
    )
    return parser.parse_args()


def main() -> int:
    """Run every stage, then write the record, the table and the plots."""
    args = parse_arguments()
    from mmdense.workflow.pipeline import Pipeline
    from mmdense.workflow.runner import exit_status

    def run() -> None:
        pipeline = Pipeline.from_file(args.config, work_dir=args.work_dir, seed=args.seed)
        pipeline.run(source=args.source)
        pipeline.report(keep_as=args.keep)

    return exit_status("pipeline", run)


if __name__ == "__main__":
    sys.exit(main())
