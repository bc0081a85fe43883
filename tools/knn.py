"""Weighted k-nearest-neighbour accuracy of a frozen backbone.

python tools/knn.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

import argparse
import sys

from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.frozen import FrozenFeatures, argument_parser, evaluate_frozen
from mmdense.evaluation.knn import knn_classify_each


def _arguments() -> argparse.Namespace:
    parser = argument_parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--k",
        type=int,
        nargs="+",
        default=[20, 200],
        help="numbers of neighbours; each is reported",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.07,
        help="smaller values give more weight to the nearest neighbours",
    )
    args = parser.parse_args()
    if min(args.k) < 1:
        parser.error(f"--k must be at least 1, found {min(args.k)}")
    if args.temperature <= 0:
        parser.error(f"--temperature must be positive, found {args.temperature}")
    return args


def main() -> int:
    """Evaluate every k with one search."""
    args = _arguments()

    def check_bank(rows: int) -> None:
        if max(args.k) > rows:
            raise ValueError(
                f"--k {max(args.k)} is more than the {rows} training images; lower it, or use "
                "more images in train_dataloader"
            )

    def evaluate(features: FrozenFeatures) -> dict[str, float]:
        scores = knn_classify_each(
            features.train,
            features.train_labels,
            features.test,
            ks=args.k,
            num_classes=features.num_classes,
            temperature=args.temperature,
        )
        return {
            f"knn/k{k}_top1": top_k_accuracy(of_k, features.test_labels)
            for k, of_k in scores.items()
        }

    try:
        evaluate_frozen(args, "knn", evaluate, check_bank=check_bank)
    except (ValueError, OSError) as error:
        print(f"knn stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
