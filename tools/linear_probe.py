"""Evaluate a frozen backbone by a linear probe (logistic regression).

python tools/linear_probe.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

import sys

from mmdense.config.usage_error import one_line_errors
from mmdense.evaluation.frozen import argument_parser, evaluate_frozen
from mmdense.evaluation.linear_probe import STRENGTHS
from mmdense.evaluation.probes import ProbeFeatures, measure_linear_probe


@one_line_errors
def main() -> None:
    """Fit on the train images, evaluate on the test images."""
    parser = argument_parser(__doc__)
    words = "L2 penalties to select from, on a fifth of the train images (default: 1e-6 to 10)"
    parser.add_argument("--strengths", type=float, nargs="+", default=list(STRENGTHS), help=words)
    args = parser.parse_args()
    if min(args.strengths) < 0:
        parser.error(f"--strengths must not be negative, found {min(args.strengths)}")

    def measure(features: ProbeFeatures) -> dict[str, float]:
        found = measure_linear_probe(features, strengths=args.strengths, device="cpu")
        return {
            "accuracy/top1": found["top1"],
            "accuracy/top5": found["top5"],
            "probe/strength": found["strength"],
        }

    evaluate_frozen(args, "linear_probe", measure)


if __name__ == "__main__":
    sys.exit(main())
