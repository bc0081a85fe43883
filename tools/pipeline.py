"""Run a pipeline: pretrain, probe, fine-tune, report.

    python tools/pipeline.py configs/pipelines/collage_demo.py
    python tools/pipeline.py configs/pipelines/bccd.py --source FOLDER_OF_THE_DATA

Run the command again to resume an interrupted pipeline. A stage whose inputs did not change is not
run again.
"""

import sys

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Run every stage, then write the record, the table and the plots."""
    parser = ToolParser(__doc__)
    parser.add_argument("config", type=config_file, help="such as those in configs/pipelines")
    parser.add_argument("--seed", type=int, help="random seed (default: that of the config)")
    parser.add_workflow("pipelines", "<name of the pipeline>")
    args = parser.parse_args()
    from mmdense.workflow.pipeline import Pipeline

    pipeline = Pipeline.from_file(args.config, work_dir=args.work_dir, seed=args.seed)
    pipeline.run(source=args.source)
    pipeline.report(keep_as=args.keep)


if __name__ == "__main__":
    sys.exit(main())
