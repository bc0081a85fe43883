"""Export the proposals of a detector with Cascade RPN to ONNX.

python tools/export_proposals.py CONFIG CHECKPOINT --out FILE.onnx --size HEIGHT WIDTH

The input is a normalised image; the outputs are boxes and scores of all anchors, before NMS.
"""

import importlib.util
import sys

from mmdense.config.arguments import ToolParser, file_ending, positive
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Write the file and print its inputs and outputs."""
    parser = ToolParser(__doc__)
    option = parser.add_argument
    parser.add_config("of a detector with mmdense.CascadeRPNHead")
    option("checkpoint", help="checkpoint file; weights of a roi_head are optional")
    option("--out", required=True, metavar="FILE.onnx", type=file_ending(".onnx"))
    sides = ("HEIGHT", "WIDTH")
    option("--size", required=True, nargs=2, type=positive, metavar=sides, help="in pixels")
    parser.add_trust()
    args = parser.parse_args()
    if missing := [name for name in ("onnx", "onnxscript") if not importlib.util.find_spec(name)]:
        raise ModuleNotFoundError(f"it needs {' and '.join(missing)}: pip install 'mmdense[onnx]'")
    import onnx

    from mmdense.engine import launch
    from projects.cascade_rpn.proposal_model import check_target, export_onnx, load_detector

    check_target(args.out)
    cfg = launch.fit_to_machine(launch.load_config(args))
    export_onnx(load_detector(cfg, args.checkpoint), args.out, size=tuple(args.size))
    operators = {node.op_type for node in onnx.load(args.out).graph.node}
    height, width = args.size
    print(
        f"{args.out}: image [1, 3, {height}, {width}], normalised, to boxes [1, L, 4] in pixels "
        f"and scores [1, L]; {len(operators)} types of operators, all standard"
    )


if __name__ == "__main__":
    sys.exit(main())
