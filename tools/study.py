"""Run a study: variants of a config, with several seeds, in one table.

    python tools/study.py configs/cascade_rpn/study_proposals_bccd.py --source FOLDER_OF_THE_DATA

Run the command again to resume an interrupted study. --variants trains only some variants; a later
run with all variants writes the record and the table, and does not repeat finished trainings.
"""

import argparse
import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def _arguments() -> argparse.Namespace:
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=config_file, help="study config")
    parser.add_argument("--work-dir", type=Path, help="default: work_dirs/<name of the study>")
    parser.add_argument(
        "--source",
        type=Path,
        help="folder with the downloaded archives (default: $MMDENSE_SOURCES)",
    )
    parser.add_argument(
        "--variants", nargs="+", metavar="NAME", help="train only these, without a record"
    )
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=ConfigOptions,
        metavar="K=V",
        help="override values and variables of the study config, such as seeds=[0]",
    )
    parser.add_argument(
        "--keep",
        metavar="WHAT",
        help="also keep the record as results/<slug>/<date>_<WHAT>; needs a clean git tree",
    )
    args = parser.parse_args()
    if args.keep and args.variants:
        parser.error(
            "--keep does not work with --variants: a record needs all variants of the study"
        )
    return args


def main() -> int:
    """Train every variant with every seed, then write the record and the table."""
    args = _arguments()
    from mmdense.workflow.runner import exit_status
    from mmdense.workflow.study import Study

    def run() -> None:
        study = Study.from_file(
            args.config,
            work_dir=args.work_dir,
            variants=args.variants,
            options=args.cfg_options,
        )
        study.run(source=args.source)
        if study.left_out:
            print(f"no record: variants not trained: {', '.join(study.left_out)}")
        else:
            study.report(keep_as=args.keep)

    return exit_status("study", run)


if __name__ == "__main__":
    sys.exit(main())
