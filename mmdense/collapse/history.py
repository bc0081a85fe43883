"""What the monitor saw of a run: curves, spectra and the verdict, as one JSON file."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from mmdense.collapse import readings, verdict
from mmdense.collapse.spectrum import lidar
from mmdense.records.curve import Curve
from mmdense.records.record import write_json

__all__ = ["FILE_NAME", "History", "read_history"]

FILE_NAME = "collapse.json"
_VALUES = 512  # of a spectrum, at most


class History:
    """Curves by name, spectra by space and iteration, and facts; it goes on after a resume.

    Attributes:
        facts: What does not change: channels, vectors in a batch, whether the last BatchNorm hides
            the centre, and so on.
        verdict: Name and reason.
        judgements: Names of the last verdicts, by which a collapse has to last.
        told: Names of those that were acted upon.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {"curves": {}, "spectra": [], "facts": {}, "verdict": ("", "")}
        self.judgements = list(state.get("judgements", []))
        self.told = set(state.get("told", []))
        self._curves = {name: Curve.from_state(c) for name, c in state["curves"].items()}
        self._absent = set(state.get("absent", []))
        self._spectra = list(state["spectra"])
        self.facts = dict(state["facts"])
        self.verdict: tuple[str, str] = tuple(state["verdict"])

    def add(self, step: int, readings: Mapping[str, float], *, of: Iterable[str] = ()) -> None:
        """A point on the curve of each reading.

        Args:
            step: Where training is.
            readings: By name.
            of: Names that were looked for. Those that are not among the readings are absent now,
                as predictions are when the head in use makes none, and have no last value.
        """
        self._absent = (self._absent | set(of)) - set(readings)
        for name, value in readings.items():
            self._curves.setdefault(name, Curve()).add(step, value)

    def add_spectrum(self, step: int, space: str, values: Sequence[float]) -> None:
        """Eigenvalues of a space, descending; the greatest are kept."""
        kept = [float(value) for value in values[:_VALUES]]
        self._spectra.append(
            {"step": step, "space": space, "channels": len(values), "values": kept}
        )

    def add_spaces(
        self, step: int, views: Mapping[str, Tensor], clean: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """Ranks and spectra of fixed images by space; of two views of each, LiDAR, too.

        Args:
            step: Where training is.
            views: Features of N images in V views, by space. [N, V, D] each
            clean: Of the images without augmentation; where empty, the first views stand for them.
                [N, D] each

        Returns:
            The readings that were added, as ``<space>/<name>``; none of a space with one image, or
            with NaN.
        """
        self.facts["fixed_images"] = "clean" if clean else "augmented"
        added: dict[str, float] = {}
        for space, rows in views.items():
            features = clean[space] if clean else rows[:, 0]  # [N, D]
            images, channels = features.shape
            if images < 2 or not bool(features.isfinite().all()):
                continue
            found, values = readings.space_readings(features)
            if rows.shape[1] > 1 and bool(rows.isfinite().all()):
                found["lidar"] = lidar(rows)
            self.add_spectrum(step, space, values.tolist())
            self.facts.setdefault("spaces", {})[space] = {"images": images, "channels": channels}
            added |= {f"{space}/{name}": value for name, value in found.items()}
        self.add(step, added)
        return added

    def last(self, name: str) -> float | None:
        """The latest value of a curve; None where the reading was never taken, or is absent now."""
        points = [] if name in self._absent else self.points(name)
        return points[-1][1] if points else None

    def points(self, name: str) -> list[list[float]]:
        """The curve of a reading, ``[[step, value], ...]``; empty where it was never taken."""
        return self._curves[name].as_list() if name in self._curves else []

    def judge(self, limits: verdict.Limits) -> verdict.Verdict:
        """The verdict on the latest readings; ``facts`` have to hold those of a batch."""
        return verdict.judge(
            verdict.State(
                m_o=self.last("m_o") or 0.0,
                m_r=self.last("m_r") or 0.0,
                std=self.last("std") or 0.0,
                rank=self.last("rank"),
                images=self.facts["vectors"],
                rank_images=min(self.facts["batch"], readings.ROWS),
                channels=self.facts["channels"],
                m_o_before_norm=self.last("m_o_before_norm"),
                p_m_o=self.last("p_m_o"),
            ),
            limits,
        )

    def state(self) -> dict[str, Any]:
        """For the checkpoint, and for the constructor."""
        return {
            "curves": {name: curve.state() for name, curve in self._curves.items()},
            "absent": sorted(self._absent),
            "spectra": self._spectra,
            "facts": self.facts,
            "verdict": list(self.verdict),
            "judgements": self.judgements,
            "told": sorted(self.told),
        }

    def write(self, folder: Path) -> Path:
        """``collapse.json`` in a folder."""
        name, reason = self.verdict
        content = {
            "verdict": name,
            "reason": reason,
            "facts": self.facts,
            "curves": {name: _plain(curve.as_list()) for name, curve in self._curves.items()},
            "spectra": self._spectra,
        }
        write_json(content, folder / FILE_NAME)
        return folder / FILE_NAME


def _plain(points: list[list[float]]) -> list[list[float | None]]:
    """JSON has no NaN and no infinity: None stands for them."""
    return [[step, value if math.isfinite(value) else None] for step, value in points]


def read_history(folder: Path) -> dict[str, Any]:
    """What :meth:`History.write` wrote.

    Raises:
        FileNotFoundError: There is none; the message says how to get one.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        raise FileNotFoundError(
            f"{folder} has no {FILE_NAME}: train with custom_hooks = "
            "[dict(type='mmdense.CollapseHook')]"
        )
    return json.loads(file.read_text(encoding="utf-8"))
