"""Weighted k-nearest-neighbour accuracy of a frozen backbone.

python tools/knn.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.frozen import FrozenFeatures, argument_parser, evaluate_frozen
from mmdense.evaluation.knn import knn_classify_each


def main() -> None:
    """Evaluate every k from one search."""
    parser = argument_parser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--k", type=int, nargs="+", default=[20, 200], help="neighbours that vote; each is reported"
    )
    args = parser.parse_args()

    def evaluate(features: FrozenFeatures) -> dict[str, float]:
        scores = knn_classify_each(
            features.train,
            features.train_labels,
            features.test,
            ks=args.k,
            num_classes=features.num_classes,
        )
        return {
            f"knn/k{k}_top1": top_k_accuracy(of_k, features.test_labels)
            for k, of_k in scores.items()
        }

    evaluate_frozen(args, "knn", evaluate)


if __name__ == "__main__":
    main()
