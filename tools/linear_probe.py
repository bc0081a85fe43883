"""Linear probe (logistic regression) on a frozen backbone.

python tools/linear_probe.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

import sys

from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.frozen import FrozenFeatures, argument_parser, evaluate_frozen
from mmdense.evaluation.linear_probe import STRENGTHS, fit_linear_probe


def main() -> int:
    """Fit on the train images, evaluate on the test images."""
    parser = argument_parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--strengths",
        type=float,
        nargs="+",
        default=list(STRENGTHS),
        help="L2 penalties to select from, on a fifth of the train images (default: 1e-6 to 10)",
    )
    args = parser.parse_args()
    if min(args.strengths) < 0:
        parser.error(f"--strengths must not be negative, found {min(args.strengths)}")

    def evaluate(features: FrozenFeatures) -> dict[str, float]:
        probe = fit_linear_probe(
            features.train,
            features.train_labels,
            num_classes=features.num_classes,
            strengths=args.strengths,
        )
        scores = probe.scores(features.test)
        return {
            "accuracy/top1": top_k_accuracy(scores, features.test_labels, k=1),
            "accuracy/top5": top_k_accuracy(scores, features.test_labels, k=5),
            "probe/strength": probe.strength,
        }

    try:
        evaluate_frozen(args, "linear_probe", evaluate)
    except (ValueError, OSError) as error:
        print(f"linear_probe stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
