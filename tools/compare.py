"""Compare two records: config, data, code, environment, cost and results.

python tools/compare.py work_dirs/RUN results/SLUG/DATE_WHAT [--plot curves.png]
"""

import sys

from mmdense.config.arguments import ToolParser

_PANELS = 4  # of a figure


def main() -> int:
    """Print the differences; return the exit status."""
    parser = ToolParser(description="Compare two records, from their configs to their results.")
    words = "record.json, its folder, or SLUG/DATE_WHAT below results/"
    parser.add_argument("one", help=words)
    parser.add_argument("other", help=words)
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="also plot the curves of both, or the variants of two studies, as a PNG",
    )
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.compare import differences
    from mmdense.records.kept_results import find_record
    from mmdense.records.record import RecordError

    try:
        one, other = find_record(args.one), find_record(args.other)
    except RecordError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.one} ({one.date}) and {args.other} ({other.date})")
    found = differences(one, other)
    for heading, lines in found.items():
        print(f"\n{heading}")
        for line in lines:
            print(f"  {line}")
    if not found:
        print("no differences")
    return _draw(args.plot, {args.one: one, args.other: other}) if args.plot else 0


def _draw(file: str, records: dict) -> int:
    """Plot variants of two studies, or curves of both records; return the exit status."""
    from mmdense.records.compare import common_curves, common_scores
    from mmdense.records.plots import plot_curves, plot_scores

    scores = common_scores(records)
    found = list(records.values())
    names = common_curves(found[0], found[-1])  # only one if a record is compared with itself
    if scores:
        path = plot_scores(dict(list(scores.items())[:_PANELS]), file)
    elif names:
        curves = {name: record.curves for name, record in records.items()}
        path = plot_curves(curves, names[:_PANELS], file)
    else:
        print(f"--plot {file}: the records have no common curve or score", file=sys.stderr)
        return 1
    print(f"\nwrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
