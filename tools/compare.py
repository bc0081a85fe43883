"""What differs between two records: config, environment, cost and results, in words and a plot.

python tools/compare.py work_dirs/RUN results/SLUG/DATE_WHAT [--plot curves.png]
"""

import argparse
import sys


def main() -> int:
    """Print the differences; returns the exit status."""
    parser = argparse.ArgumentParser(
        description="Tell what differs between two records: config, environment, cost, results."
    )
    words = "record.json, its folder, or SLUG/DATE_WHAT below results/"
    parser.add_argument("one", help=words)
    parser.add_argument("other", help=words)
    parser.add_argument(
        "--plot", metavar="FILE", help="also draw the curves that both have, as a PNG"
    )
    args = parser.parse_args()
    # After the arguments: the imports take seconds.
    from mmdense.records.compare import common_curves, differences
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
        names = common_curves(one, other)
        if not names:
            print(f"--plot {args.plot}: they have no curve in common", file=sys.stderr)
            return 1
        from mmdense.records.plots import plot_curves

        runs = {args.one: one.curves, args.other: other.curves}
        print(f"\nwrote {plot_curves(runs, names[:4], args.plot)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
