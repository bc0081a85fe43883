"""Draw how the anchors of the best proposals move through the stages of Cascade RPN.

python tools/draw_proposals.py CONFIG CHECKPOINT IMAGE --out FILE.png [--top 8]

There is a panel for each stage and a colour for each anchor; dots are points of the next stage.
"""

import sys
from typing import Any

from mmdense.config.arguments import ToolParser, file_ending, positive
from mmdense.config.usage_error import one_line_errors


def read_input(cfg: Any, image: str) -> dict:
    """Return an image after the test pipeline, as a batch of one.

    Raises:
        ValueError: The config has no such pipeline.
    """
    from mmcv.transforms import Compose
    from mmengine.dataset import pseudo_collate

    dataset = (cfg.get("test_dataloader") or {}).get("dataset") or {}
    if "pipeline" not in dataset:
        raise ValueError(f"{cfg.filename} has no test_dataloader.dataset.pipeline")
    steps = [step for step in dataset["pipeline"] if "LoadAnnotations" not in step["type"]]
    return pseudo_collate([Compose(steps)({"img_path": image, "img_id": 0})])


@one_line_errors
def main() -> None:
    """Write the figure and print its path."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    parser.add_config("of a detector with mmdense.CascadeRPNHead")
    option("checkpoint", help="checkpoint file; weights of a roi_head are optional")
    option("image", help="image file")
    option("--out", required=True, metavar="FILE.png", type=file_ending(".png"))
    words = "number of proposals (default: %(default)s)"
    option("--top", type=positive, default=8, metavar="N", help=words)
    parser.add_trust()
    args = parser.parse_args()
    import torch

    from mmdense.data.read_image import read_image
    from mmdense.engine import launch
    from projects.cascade_rpn import CascadeRPNHead
    from projects.cascade_rpn.draw_stages import draw_stages, follow_anchors
    from projects.cascade_rpn.proposal_model import (
        check_meta,
        check_target,
        load_detector,
        proposal_head,
    )

    check_target(args.out)
    image = read_image(args.image)[..., ::-1]  # RGB
    cfg = launch.fit_to_machine(launch.load_config(args))
    detector = load_detector(cfg, args.checkpoint)
    head = proposal_head(detector)
    if not isinstance(head, CascadeRPNHead):
        raise ValueError(
            f"the head is {type(head).__name__}, which has no stages: use a config with "
            "mmdense.CascadeRPNHead"
        )
    data = detector.data_preprocessor(read_input(cfg, args.image), False)
    meta = data["data_samples"][0].metainfo
    check_meta(meta, ("scale_factor", "img_shape"))
    with torch.no_grad():
        maps = detector.extract_feat(data["inputs"])
    paths = follow_anchors(head, maps, meta, args.top)
    draw_stages(image, paths, args.out, scale_factor=tuple(meta["scale_factor"]))
    print(f"{args.out}: {len(paths.scores)} proposals, best score {paths.scores[0].item():.3f}")


if __name__ == "__main__":
    sys.exit(main())
