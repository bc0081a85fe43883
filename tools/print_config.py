"""Print a config with everything that it inherits, and the file that each value came from.

python tools/print_config.py CONFIG [--cfg-options train_cfg.max_epochs=12 ...]
"""

import sys

from mmdense.config.arguments import ToolParser
from mmdense.config.usage_error import one_line_errors


@one_line_errors
def main() -> None:
    """Read the config and print it."""
    parser = ToolParser(__doc__)
    parser.add_config()
    args = parser.parse_args()
    # The imports take seconds, so they come after the arguments.
    from rich.console import Console

    from mmdense.config.listing import listing, print_listing
    from mmdense.config.origin import trace

    print_listing(listing(trace(args.config, args.cfg_options)), Console(highlight=False))


if __name__ == "__main__":
    sys.exit(main())
