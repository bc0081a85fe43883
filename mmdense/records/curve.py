"""A curve of bounded length: the means of equally wide windows, widened as the run goes on."""

from dataclasses import asdict, dataclass, field
from typing import Any

LIMIT = 500  # points of one curve in a record


@dataclass
class Curve:
    """Collects ``(step, value)`` pairs and never holds more than ``limit`` points (2 or more).

    Every point is the mean over a window of ``width`` consecutive values and stands at the last
    step of its window. Windows are one value wide at first, and twice as wide each time the limit
    is reached. A NaN makes its whole window NaN: a curve does not hide one.
    """

    limit: int = LIMIT
    width: int = 1
    points: list[list[float]] = field(default_factory=list)  # [[step, mean of the window], ...]
    _open: list[float] = field(default_factory=lambda: [0, 0.0, 0])  # last step, sum, count

    def add(self, step: int, value: float) -> None:
        """Append one value; steps come in ascending order."""
        self._open = [step, self._open[1] + value, self._open[2] + 1]
        if self._open[2] < self.width:
            return
        self.points.append([step, self._open[1] / self.width])
        self._open = [0, 0.0, 0]
        if len(self.points) == self.limit:
            self._widen()

    def as_list(self) -> list[list[float]]:
        """The points, the unfinished last window included (its mean, at its last step)."""
        step, total, count = self._open
        unfinished = [[step, total / count]] if count else []
        return [list(point) for point in self.points] + unfinished

    def state(self) -> dict[str, Any]:
        """Plain numbers and lists, to be given to :meth:`from_state` after a resume."""
        return asdict(self)

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "Curve":
        """The curve that :meth:`state` described."""
        return cls(**state)

    def _widen(self) -> None:
        """Join windows in pairs; an odd one at the end becomes the open window."""
        pairs = zip(self.points[0::2], self.points[1::2])
        last = self.points[-1] if len(self.points) % 2 else None
        self.points = [[right[0], (left[1] + right[1]) / 2] for left, right in pairs]
        if last is not None:
            self._open = [last[0], last[1] * self.width, self.width]
        self.width *= 2
