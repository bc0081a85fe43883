"""Errors that a tool prints in one line."""

import functools
import signal
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["UsageError", "one_line_errors"]


class UsageError(ValueError):
    """A mistake on the command line or in a config; tools print it without a traceback."""


def one_line_errors(main: Callable[[], int | None]) -> Callable[[], int]:
    """Let ``main`` of a tool return its exit status, with errors in one line.

    The status is 1 after an error that the user can fix, and 130 after Ctrl-C or SIGTERM.
    """

    @functools.wraps(main)
    def run() -> int:
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends stages, too
        try:
            return main() or 0
        except (FloatingPointError, ModuleNotFoundError, OSError, ValueError) as error:
            print(f"{Path(sys.argv[0]).stem} stopped: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("\ninterrupted; run the same command again to continue", file=sys.stderr)
            return 130
        finally:
            signal.signal(signal.SIGTERM, before)

    return run
