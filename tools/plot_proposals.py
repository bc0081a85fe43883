"""Plot the recall of dumped proposals over IoU thresholds and over their number.

python tools/plot_proposals.py RESULTS.json [...] --annotations FILE.json --out recall.png

RESULTS.json are COCO results from tools/dump_proposals.py; each file is a line in the plots. Recall
is class-agnostic, as in COCO.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdense.config.arguments import ToolParser, file_ending, positive
from mmdense.config.usage_error import one_line_errors


def read_results(path: Path, images: Sequence[Any], most: int) -> dict[Any, np.ndarray]:
    """Return the best proposals of each image, [P, 4] of x, y, width, height in pixels, best first.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: It has no COCO results, or an image that is not in the annotations.
    """
    from mmdense.data.load_json import load_json

    content = load_json(path)
    if not isinstance(content, list):
        raise ValueError(f"{path} has no COCO results: expected a list")
    found: dict[Any, list] = {image: [] for image in images}
    for place, one in enumerate(content):
        if not isinstance(one, dict) or not {"image_id", "bbox", "score"} <= set(one):
            raise ValueError(f"{path}: entry {place} lacks image_id, bbox or score")
        if one["image_id"] not in found:
            raise ValueError(f"{path}: image {one['image_id']!r} is not in the annotations")
        found[one["image_id"]].append((-one["score"], one["bbox"]))
    best = {image: sorted(pairs, key=lambda pair: pair[0])[:most] for image, pairs in found.items()}
    return {
        image: np.array([box for _, box in pairs], dtype=float).reshape(-1, 4)
        for image, pairs in best.items()
    }


@one_line_errors
def main() -> None:
    """Write the figure and print average recall."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    option("results", nargs="+", type=Path, metavar="RESULTS.json", help="COCO results")
    option("--annotations", required=True, type=Path, metavar="FILE.json", help="in COCO format")
    option("--out", required=True, type=file_ending(".png"), metavar="FILE.png")
    words = "proposals of an image in the left plot (default: %(default)s)"
    option("--budget", type=positive, default=300, metavar="N", help=words)
    option("--size", default="all", help="all, small, medium or large; default: %(default)s")
    args = parser.parse_args()
    names = [path.stem for path in args.results]
    if len(set(names)) < len(names):
        parser.error(f"two results have the same name in {', '.join(names)}: rename a file")
    from mmdense.evaluation.proposal_recall import read_objects
    from mmdense.evaluation.recall import BUDGETS, average_recall, match_objects, recall_curves
    from mmdense.records.plots import COLOURS, plot_recall

    if len(args.results) > len(COLOURS):
        raise ValueError(
            f"at most {len(COLOURS)} results fit into one figure, found {len(args.results)}: "
            "make several figures"
        )
    budgets = sorted({*BUDGETS, args.budget})
    objects = read_objects(args.annotations)
    counted = np.concatenate([one.counted for one in objects.values()], axis=-1)  # [A, G]
    curves = {}
    for path in args.results:
        proposals = read_results(path, list(objects), budgets[-1])
        places = [
            match_objects(proposals[image], one.boxes, one.counted)
            for image, one in objects.items()
        ]
        together = np.concatenate(places, axis=-1)  # [A, T, G]
        curves[path.stem] = recall_curves(together, counted, budgets)
        values = average_recall(together, counted, budgets).get(args.size, [])
        text = ", ".join(f"AR{n} {value:.3f}" for n, value in zip(budgets, values))
        without = sum(not len(boxes) for boxes in proposals.values())
        if without:  # their objects count as missed
            text += f"; {without} of {len(proposals)} images have no proposals"
        print(f"{path.stem}: {text}")
    plot_recall(curves, args.out, budget=args.budget, size=args.size)
    print(args.out)


if __name__ == "__main__":
    sys.exit(main())
