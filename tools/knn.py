"""Evaluate a frozen backbone by weighted k-NN.

python tools/knn.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

import sys

from mmdense.config.arguments import positive
from mmdense.config.usage_error import one_line_errors
from mmdense.evaluation.frozen import argument_parser, evaluate_frozen
from mmdense.evaluation.probes import ProbeFeatures, measure_knn


@one_line_errors
def main() -> None:
    """Evaluate every k with one search."""
    parser = argument_parser(__doc__)
    words = "numbers of neighbours; each is reported"
    parser.add_argument("--k", type=positive, nargs="+", default=[20, 200], help=words)
    words = "smaller values give more weight to the nearest neighbours"
    parser.add_argument("--temperature", type=float, default=0.07, help=words)
    args = parser.parse_args()
    if args.temperature <= 0:
        parser.error(f"--temperature must be positive, found {args.temperature}")

    def measure(features: ProbeFeatures) -> dict[str, float]:
        found = measure_knn(features, ks=args.k, temperature=args.temperature)
        return {f"knn/{name}": value for name, value in found.items()}

    evaluate_frozen(args, "knn", measure, neighbours=max(args.k))


if __name__ == "__main__":
    sys.exit(main())
