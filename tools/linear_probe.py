"""Linear probe (logistic regression) on a frozen backbone.

python tools/linear_probe.py configs/probe/r18_cifar10.py work_dirs/a/epoch_100.pth
"""

from mmdense.evaluation.accuracy import top_k_accuracy
from mmdense.evaluation.frozen import FrozenFeatures, argument_parser, evaluate_frozen
from mmdense.evaluation.linear_probe import fit_linear_probe


def main() -> None:
    """Fit on the train images, score the test images."""
    args = argument_parser(description=__doc__.splitlines()[0]).parse_args()

    def evaluate(features: FrozenFeatures) -> dict[str, float]:
        probe = fit_linear_probe(
            features.train, features.train_labels, num_classes=features.num_classes
        )
        scores = probe.scores(features.test)
        return {
            "accuracy/top1": top_k_accuracy(scores, features.test_labels, k=1),
            "accuracy/top5": top_k_accuracy(scores, features.test_labels, k=5),
            "probe/strength": probe.strength,
        }

    evaluate_frozen(args, "linear_probe", evaluate)


if __name__ == "__main__":
    main()
