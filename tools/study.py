"""Run a study: variants of a config, with several seeds, in one table.

    python tools/study.py configs/cascade_rpn/study_proposals_bccd.py --source FOLDER_OF_THE_DATA

Run the command again to resume an interrupted study. --variants trains only some variants; a later
run with all variants writes the record and the table, and does not repeat finished trainings.
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Train every variant with every seed, then write the record and the table."""
    parser = ToolParser(__doc__)
    parser.add_config("study config; --cfg-options also sets its variables, such as seeds=[0]")
    words = "train only these, without a record"
    parser.add_argument("--variants", nargs="+", metavar="NAME", help=words)
    parser.add_workflow("<slug>", "<name of the study>")
    args = parser.parse_args()
    if args.keep and args.variants:
        parser.error(
            "--keep does not work with --variants: a record needs all variants of the study"
        )
    from mmdense.workflow.study import Study

    study = Study.from_file(
        args.config, work_dir=args.work_dir, variants=args.variants, options=args.cfg_options
    )
    study.run(source=args.source)
    if study.left_out:
        print(f"no record: variants not trained: {', '.join(study.left_out)}")
    else:
        study.report(keep_as=args.keep)


if __name__ == "__main__":
    sys.exit(main())
