"""Weighted k-nearest-neighbour accuracy of a frozen backbone.

python tools/knn.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

import argparse
import sys

from mmdense.evaluation.frozen import argument_parser, evaluate_frozen
from mmdense.evaluation.probes import ProbeFeatures, measure_knn


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

    def measure(features: ProbeFeatures) -> dict[str, float]:
        found = measure_knn(features, ks=args.k, temperature=args.temperature)
        return {f"knn/{name}": value for name, value in found.items()}

    try:
        evaluate_frozen(args, "knn", measure, neighbours=max(args.k))
    except (ValueError, OSError) as error:
        print(f"knn stopped: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
