"""Run a pipeline: pretrain, probe, fine-tune, tabulate.

    python tools/pipeline.py configs/pipelines/collage_demo.py
    python tools/pipeline.py configs/pipelines/bccd.py --source FOLDER_OF_THE_DATA

A pipeline that was interrupted goes on where it stopped; a stage whose inputs did not change is
not run again.
"""

import argparse
import signal
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = ToolParser(description="Run a pipeline: pretrain, probe, fine-tune, tabulate.")
    parser.add_argument("config", type=Path, help="pipeline config, in configs/pipelines")
    parser.add_argument("--work-dir", type=Path, help="default work_dirs/<name of the pipeline>")
    parser.add_argument(
        "--source", type=Path, help="folder with the archives of the data; default $MMDENSE_SOURCES"
    )
    parser.add_argument("--seed", type=int, help="random seed; default the config's")
    parser.add_argument(
        "--keep",
        metavar="WHAT",
        help="also keep the record as results/pipelines/<date>_<WHAT>; needs a clean git tree",
    )
    return parser.parse_args()


def main() -> int:
    """Run every stage, then write the record, the table and the plots."""
    args = parse_arguments()
    if not args.config.is_file():
        print(f"there is no pipeline config {args.config}", file=sys.stderr)
        return 2
    from mmdense.records.record import RecordError
    from mmdense.workflow.pipeline import Pipeline
    from mmdense.workflow.stage import StageError

    # `kill` ends the running stage too, as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        pipeline = Pipeline.from_file(args.config, work_dir=args.work_dir, seed=args.seed)
        pipeline.run(source=args.source)
        pipeline.report(keep_as=args.keep)
    except (StageError, RecordError, ValueError, OSError) as error:
        print(f"pipeline stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
