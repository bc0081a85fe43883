"""Compare two records, from their configs to their results.

python tools/compare.py work_dirs/RUN results/SLUG/DATE_NAME [--plot curves.png]
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors

_PANELS = 4  # of a figure


@one_line_errors
def main() -> None:
    """Print the differences in config, data, code, environment, cost and results."""
    parser = ToolParser(__doc__)
    words = "record.json, its folder, or SLUG/DATE_NAME below results/"
    parser.add_argument("one", help=words)
    parser.add_argument("other", help=words)
    words = "also plot the curves of both, or the variants of two studies, as a PNG"
    parser.add_argument("--plot", metavar="FILE", help=words)
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.compare import differences
    from mmdense.records.kept_results import find_file
    from mmdense.records.record import load

    one, other = load(find_file(args.one)), load(find_file(args.other))
    print(f"{args.one} ({one.date}) and {args.other} ({other.date})")
    found = differences(one, other)
    for heading, lines in found.items():
        print("\n  ".join([f"\n{heading}", *lines]))
    if not found:
        print("no differences")
    if args.plot:
        print(f"\nwrote {_draw(args.plot, {args.one: one, args.other: other})}")


def _draw(file: str, records: dict) -> object:
    """Plot variants of two studies, or curves of both records; return the path of the file."""
    from mmdense.records.compare import common_curves, common_scores
    from mmdense.records.plots import plot_curves, plot_scores

    if scores := common_scores(records):
        return plot_scores(dict(list(scores.items())[:_PANELS]), file)
    found = list(records.values())  # only one if a record is compared with itself
    if names := common_curves(found[0], found[-1]):
        curves = {name: record.curves for name, record in records.items()}
        return plot_curves(curves, names[:_PANELS], file)
    raise ValueError(f"--plot {file}: the records have no common curve or score")


if __name__ == "__main__":
    sys.exit(main())
