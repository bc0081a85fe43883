"""What a person sees while a pipeline works: a live line on a terminal, plain lines elsewhere."""

import re
import time
from types import TracebackType

from rich.console import Console
from rich.status import Status

__all__ = ["StageProgress"]

# MMEngine's log line: time, package, level, then "Epoch(train) [3][20/50] lr: ... loss: ..."
_HEADER = re.compile(r"^\d{2}/\d{2} [\d:]+ - \w+ - \w+ - ")
_STEP = re.compile(r"^(Epoch|Iter)\((train|val|test)\)\s*(?P<where>(\[[\s\d/]+\])+)(?P<rest>.*)")
_LOSS = re.compile(r"\bloss: (-?[\d.]+)")


class StageProgress:
    """Shows one stage: where it is, its loss, and how long it has run.

    Args:
        label: What stands before each line, such as "[2/7] detect_ssl".
        console: Where to print.
        interval: Seconds between two lines where the output is no terminal.
    """

    def __init__(self, label: str, console: Console, interval: float = 30.0) -> None:
        self.label = label
        self.console = console
        self.interval = interval
        self._begin = self._printed = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> "StageProgress":
        """Show the label at once."""
        if self.console.is_terminal:
            self._status = self.console.status(self.label)
            self._status.start()
        else:
            self._print(f"{self.label}: started")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the live line."""
        if self._status is not None:
            self._status.stop()

    def line(self, text: str) -> None:
        """Take one line of the stage's output; only steps of training and evaluation are shown."""
        step = describe_step(text)
        if step is None:
            return
        if self._status is not None:
            self._status.update(f"{self.label}: {step} ({self.elapsed})")
        elif time.monotonic() - self._printed >= self.interval:
            self._print(f"{self.label}: {step} ({self.elapsed})")

    def done(self, what: str) -> None:
        """Print the closing line of the stage."""
        self._print(f"{self.label}: {what}")

    @property
    def elapsed(self) -> str:
        """Time since the stage began, as minutes and seconds."""
        minutes, seconds = divmod(int(time.monotonic() - self._begin), 60)
        return f"{minutes}:{seconds:02d}"

    def _print(self, text: str) -> None:
        self._printed = time.monotonic()
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def describe_step(line: str) -> str | None:
    """A short form of a progress line of MMEngine's log; None for any other line.

    "Epoch(train) [3][20/50]  lr: 5e-04  loss: 0.7312" becomes "train [3][20/50] loss 0.731".
    """
    found = _STEP.match(_HEADER.sub("", line))
    if found is None:
        return None
    where = re.sub(r"\s+", "", found["where"])
    loss = _LOSS.search(found["rest"])
    return f"{found[2]} {where}" + (f" loss {float(loss[1]):.3f}" if loss else "")
