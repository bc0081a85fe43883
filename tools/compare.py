"""What differs between two records: config, data, code, environment, cost, results; and a plot.

python tools/compare.py work_dirs/RUN results/SLUG/DATE_WHAT [--plot curves.png]
"""

import argparse
import sys

_PANELS = 4  # of a picture


def main() -> int:
    """Print the differences; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Tell what differs between two records, from their configs to their results."
    )
    words = "record.json, its folder, or SLUG/DATE_WHAT below results/"
    parser.add_argument("one", help=words)
    parser.add_argument("other", help=words)
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="also draw, as a PNG, the curves that both have, or of two studies their variants",
    )
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.compare import common_curves, common_scores, differences
    from mmdense.records.find_record import find_record
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
        print("nothing differs")
    if args.plot:
        from mmdense.records.plots import plot_curves, plot_scores

        one_name, other_name = args.one, args.other
        if one_name == other_name:
            other_name += " (again)"
        scores = common_scores({one_name: one, other_name: other})
        names = common_curves(one, other)
        if scores:
            panels = dict(list(scores.items())[:_PANELS])
            path = plot_scores(panels, args.plot)
        elif names:
            runs = {one_name: one.curves, other_name: other.curves}
            path = plot_curves(runs, names[:_PANELS], args.plot)
        else:
            print(f"--plot {args.plot}: they have no curve or score in common", file=sys.stderr)
            return 1
        print(f"\nwrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
