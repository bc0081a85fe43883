"""Write an HTML report on a pipeline, a study or a run.

    python tools/report.py work_dirs/collage_demo
    python tools/report.py results/cascade_rpn/2026-11-22_detection_collage -o page.html

The report is one file that needs no network. Pipelines and studies write it at their end.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Write the report and print its path."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    words = "record.json, its folder, or SLUG/DATE_NAME below results/"
    option("records", nargs="+", type=Path, metavar="WORK_DIR_OR_RECORD", help=words)
    words = "default: report.html next to the record, or in the current folder for several"
    option("-o", "--out", type=Path, metavar="FILE", help=words)
    words = "variant for p-values of a study (default: that of the config)"
    option("--baseline", metavar="VARIANT", help=words)
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.report.page import write_report

    print(write_report(args.records, args.out, baseline=args.baseline))


if __name__ == "__main__":
    sys.exit(main())
