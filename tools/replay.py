"""Repeat a step that gave NaN or infinity, and show where it came from.

python tools/replay.py work_dirs/RUN/non_finite/iter_120_rank_0.pth
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Repeat the step and print where NaN or infinity appears, in order."""
    parser = ToolParser(__doc__)
    parser.add_argument("step", help="file in <work dir>/non_finite")
    parser.add_trust()
    args = parser.parse_args()
    from mmdense.engine.replay import replay

    found = replay(args.step)
    print("weights before the step :", ", ".join(found.weights) or "finite")
    print("inputs                  :", ", ".join(found.inputs) or "finite")
    print("first module            :", found.module or "all outputs finite")
    for name, value in found.losses.items():
        print(f"{name:<24}: {value:g}")
    if found.backward:
        print("backward                :", found.backward)


if __name__ == "__main__":
    sys.exit(main())
