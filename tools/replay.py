"""Repeat a step that gave NaN or infinity, and show where it came from.

python tools/replay.py work_dirs/RUN/non_finite/iter_120_rank_0.pth
"""

import argparse
import sys

from mmdense.config.arguments import ToolParser


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(
        description="Repeat a step that gave NaN or infinity, and show where it came from."
    )
    parser.add_argument("step", help="file in <work dir>/non_finite")
    launch.add_trust_argument(parser)
    return parser.parse_args()


def main() -> int:
    """Repeat the step and print where NaN or infinity appears, in order."""
    args = parse_arguments()
    from mmdense.engine.replay import replay

    try:
        found = replay(args.step)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print("weights before the step :", ", ".join(found.weights) or "finite")
    print("inputs                  :", ", ".join(found.inputs) or "finite")
    print("first module            :", found.module or "all outputs finite")
    for name, value in found.losses.items():
        print(f"{name:<24}: {value:g}")
    if found.backward:
        print("backward                :", found.backward)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
