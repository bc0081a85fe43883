"""Write an HTML report on a pipeline, a study or a run.

    python tools/report.py work_dirs/collage_demo
    python tools/report.py results/cascade_rpn/2026-11-22_detection_collage -o page.html

The report is one file that needs no network. Pipelines and studies write it at their end.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser


def main() -> int:
    """Write the report and print its path."""
    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "records", nargs="+", type=Path, metavar="WORK_DIR_OR_RECORD",
        help="record.json, its folder, or SLUG/DATE_WHAT below results/",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--out", type=Path, metavar="FILE",
        help="default: report.html next to the record, or in the current folder for several",
    )  # fmt: skip
    parser.add_argument(
        "--baseline",
        metavar="VARIANT",
        help="variant for p-values of a study (default: that of the config)",
    )
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.report.page import write_report

    try:
        print(write_report(args.records, args.out, baseline=args.baseline))
    except (OSError, ValueError) as error:
        print(f"report.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
