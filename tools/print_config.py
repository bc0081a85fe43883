"""Print a config with all that it inherits, and the file that each value came from.

python tools/print_config.py CONFIG [--cfg-options train_cfg.max_epochs=12 ...]
"""

import sys

from mmdense.config.arguments import ToolParser, config_file
from mmdense.config.options import ConfigOptions


def main() -> None:
    """Read the config and print it."""
    parser = ToolParser(
        description="Print a config with everything that it inherits, and where each value is from."
    )
    parser.add_argument("config", type=config_file, help="config file")
    parser.add_argument(
        "--cfg-options",
        nargs="+",
        action=ConfigOptions,
        help="overrides, such as train_cfg.max_epochs=12 model.backbone.depth=50",
    )
    args = parser.parse_args()
    # The imports take seconds, so they come after the arguments.
    from rich.console import Console

    from mmdense.config.listing import listing, print_listing
    from mmdense.config.origin import trace

    try:
        traced = trace(args.config, args.cfg_options)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")
    print_listing(listing(traced), Console(highlight=False))


if __name__ == "__main__":
    main()
