"""Draw how the anchors of the best proposals move through the stages of Cascade RPN.

python tools/draw_proposals.py CONFIG CHECKPOINT IMAGE --out FILE.png [--top 8]

There is a panel for each stage and a colour for each anchor; dots are points of the next stage.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    from mmdense.engine import launch

    parser = ToolParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "config", type=config_file, help="of a detector with mmdense.CascadeRPNHead"
    )
    parser.add_argument("checkpoint", help="checkpoint file; weights of a roi_head are optional")
    parser.add_argument("image", help="image file")
    parser.add_argument("--out", required=True, metavar="FILE.png", type=Path)
    parser.add_argument(
        "--top", type=int, default=8, metavar="N", help="number of proposals (default: %(default)s)"
    )
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    launch.add_trust_argument(parser)
    parser.set_defaults(launcher="none", local_rank=0, work_dir=None, seed=None)
    args = parser.parse_args()
    if args.out.suffix != ".png":
        parser.error(f"--out {args.out}: the name must end in .png")
    if args.top < 1:
        parser.error(f"--top must be at least 1, found {args.top}")
    return args


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


def main() -> int:
    """Write the figure and print its path."""
    args = parse_arguments()
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

    try:
        check_target(args.out)
        image = read_image(args.image)[..., ::-1]  # RGB
        cfg = launch.load_config(args)
        launch.fit_to_machine(cfg)
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
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{args.out}: {len(paths.scores)} proposals, best score {paths.scores[0].item():.3f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
