"""Export the proposals of a detector with Cascade RPN to ONNX.

python tools/export_proposals.py CONFIG CHECKPOINT --out FILE.onnx --size HEIGHT WIDTH

The input is a normalised image; the outputs are boxes and scores of all anchors, before NMS.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

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
    parser.add_argument("--out", required=True, metavar="FILE.onnx", type=Path)
    parser.add_argument(
        "--size", required=True, nargs=2, type=int, metavar=("HEIGHT", "WIDTH"), help="in pixels"
    )
    parser.add_argument("--cfg-options", nargs="+", action=ConfigOptions, help="overrides")
    launch.add_trust_argument(parser)
    parser.set_defaults(launcher="none", local_rank=0, work_dir=None, seed=None)
    args = parser.parse_args()
    if args.out.suffix != ".onnx":
        parser.error(f"--out {args.out}: the name must end in .onnx")
    if min(args.size) < 1:
        parser.error(f"--size must be positive, found {args.size}")
    return args


def main() -> int:
    """Write the file and print its inputs and outputs."""
    args = parse_arguments()
    if missing := [name for name in ("onnx", "onnxscript") if not importlib.util.find_spec(name)]:
        print(f"export needs {' and '.join(missing)}: pip install 'mmdense[onnx]'", file=sys.stderr)
        return 1
    import onnx

    from mmdense.engine import launch
    from projects.cascade_rpn.proposal_model import check_target, export_onnx, load_detector

    try:
        check_target(args.out)
        cfg = launch.load_config(args)
        launch.fit_to_machine(cfg)
        export_onnx(load_detector(cfg, args.checkpoint), args.out, size=tuple(args.size))
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    operators = {node.op_type for node in onnx.load(args.out).graph.node}
    height, width = args.size
    print(
        f"{args.out}: image [1, 3, {height}, {width}], normalised, to boxes [1, L, 4] in pixels "
        f"and scores [1, L]; {len(operators)} types of operators, all standard"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
