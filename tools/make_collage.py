"""Generate the data set Collage; an existing set is not changed.

python tools/make_collage.py --size small
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors
from mmdense.data.collage import generate as collage


@one_line_errors
def main() -> None:
    """Generate a set and print its folder."""
    parser = ToolParser(__doc__)
    parser.add_argument("--size", choices=collage.SIZES, default="small", help="default: small")
    parser.add_argument("--out", default="data", help="folder of data sets (default: data)")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the set")
    parser.add_argument("--workers", type=int, help="processes (default: one for each core)")
    args = parser.parse_args()
    print(collage.ensure(args.size, args.out, args.seed, args.workers))


if __name__ == "__main__":
    sys.exit(main())
