"""Evaluate the patch features of a frozen backbone.

python tools/dense_eval.py CONFIG CHECKPOINT --data camvid

Writes dense.csv and record.json, both with all settings of each protocol, and images of attention,
features and discovered objects, which `mmdense report WORK_DIR` shows.
"""

import sys
from pathlib import Path

from mmdense.config.arguments import ToolParser, positive
from mmdense.config.options import ConfigOptions
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Run the protocols, print a table and write the scores."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    parser.add_config("config of a pretraining, detector or segmentor; its backbone is used")
    option("checkpoint", help="file with all weights of the backbone, or none for random weights")
    words = "camvid, bccd, coco or voc, prepared by prepare_data; or a folder"
    option("--data", required=True, metavar="NAME", help=words)
    option("--data-root", type=Path, default=Path("data"), help="folder of prepared data sets")
    words = "names of protocols; default: all that the data set allows"
    option("--protocols", nargs="+", metavar="NAME", help=words)
    words = "such as context_knn.memory=20480 context_knn.k=50"
    option("--settings", nargs="+", action=ConfigOptions, metavar="KEY=VALUE", help=words)
    option("--size", type=positive, default=448, help="side of the images in pixels (448)")
    option("--batch-size", type=positive, default=8, help="images at a time (8)")
    option("--seed", type=int, help="random seed of sampled patches, k-means, heads and warps")
    option("--work-dir", help="output folder (default: below work_dirs/)")
    parser.add_trust()
    args = parser.parse_args()
    from rich.console import Console

    from mmdense.evaluation.dense.evaluate import evaluate_dense
    from mmdense.records.record import write_text
    from mmdense.report.dense_table import dense_table
    from mmdense.visual.draw_dense import draw_dense
    from mmdense.visual.drawn import FOLDER

    found = evaluate_dense(args, print)
    write_text(dense_table(found.scores, identifiers=True).csv(), found.folder / "dense.csv")
    title = f"Dense evaluation on {args.data}"
    Console().print(dense_table(found.scores, title=title, left_out=found.left_out).terminal())
    print(f"{found.folder / 'dense.csv'} has all settings.")
    drawn = draw_dense(found.task, found.folder / FOLDER)
    print(f"{found.folder / FOLDER} has {len(drawn.captions)} images.")
    for name, reason in drawn.left_out.items():
        print(f"no {name}: {reason}")


if __name__ == "__main__":
    sys.exit(main())
