"""A curve of bounded length: means over equal windows, whose width grows during the run."""

from dataclasses import dataclass, field

LIMIT = 500  # points of one curve in a record


@dataclass
class Curve:
    """Collects ``(step, value)`` pairs in at most ``limit`` points (2 or more).

    Every point is the mean over a window of ``width`` consecutive values, at the last step of its
    window. The width is 1 at first, and doubles each time the limit is reached. A window with a NaN
    is NaN, so a curve does not hide it.
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
        """Return the points, including the unfinished last window."""
        step, total, count = self._open
        unfinished = [[step, total / count]] if count else []
        return [list(point) for point in self.points] + unfinished

    def _widen(self) -> None:
        """Merge pairs of windows; a single last one becomes the open window."""
        pairs = zip(self.points[0::2], self.points[1::2])
        last = self.points[-1] if len(self.points) % 2 else None
        self.points = [[right[0], (left[1] + right[1]) / 2] for left, right in pairs]
        if last is not None:
            self._open = [last[0], last[1] * self.width, self.width]
        self.width *= 2
