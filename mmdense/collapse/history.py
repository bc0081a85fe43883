"""Curves, spectra and verdict of a run, in one JSON file."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mmdense.collapse import readings, verdict
from mmdense.collapse.decompose import centre_floor
from mmdense.collapse.spectrum import lidar
from mmdense.collapse.taps import method_name
from mmdense.records.curve import Curve
from mmdense.records.record import write_json

FILE_NAME = "collapse.json"
_VALUES = 512  # maximum number of values of a spectrum


class History:
    """Curves by name, spectra by space and iteration, and facts. A resumed run continues them.

    Attributes:
        facts: Values that do not change: channels, vectors in a batch, whether the last BatchNorm
            hides the centre, and so on.
        verdict: The last verdict.
        judgements: Names of the last judgements, compared with ``CollapseHook.patience``.
        seen: Names of verdicts that were already acted upon.
    """

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        state = state or {"curves": {}, "spectra": [], "facts": {}, "verdict": ("", "")}
        self.judgements = list(state.get("judgements", []))
        self.seen = set(state.get("told", []))
        self._curves = {name: Curve(**c) for name, c in state["curves"].items()}
        self._absent = set(state.get("absent", []))
        self._spectra = list(state["spectra"])
        self.facts = dict(state["facts"])
        self.verdict = verdict.Verdict(*state["verdict"])

    def begin(self, model: nn.Module, limits: verdict.Limits) -> None:
        """Note what the readings are of."""
        self.facts.update(method=method_name(model), limits=asdict(limits))
        if counts := getattr(model, "prototype_counts", None):
            self.facts["prototypes"] = counts  # by the name of the entropy of the assignments

    def note_batch(self, size: int, vectors: int, channels: int, *, centre_hidden: bool) -> None:
        """Note the numbers of images, vectors and channels, on which the verdict depends."""
        self.facts.update(
            batch=size,
            vectors=vectors,
            channels=channels,
            centre_floor=centre_floor(vectors),
            centre_hidden=centre_hidden,
        )

    def add(self, step: int, readings: Mapping[str, float], *, of: Iterable[str] = ()) -> None:
        """Add a point to the curve of each reading.

        Args:
            step: Training step.
            readings: Values by name.
            of: Names that can be in the readings. Those that are missing have no last value any
                more, for instance predictions if the current head has no predictor.
        """
        self._absent = (self._absent | set(of)) - set(readings)
        for name, value in readings.items():
            self._curves.setdefault(name, Curve()).add(step, value)

    def add_spectrum(self, step: int, space: str, values: list[float]) -> None:
        """Add the eigenvalues of a space, descending; the largest are kept."""
        spectrum = {"step": step, "space": space, "channels": len(values)}
        self._spectra.append({**spectrum, "values": values[:_VALUES]})

    def add_spaces(
        self, step: int, views: Mapping[str, Tensor], clean: Mapping[str, Tensor]
    ) -> dict[str, float]:
        """Add ranks and spectra of fixed images by space; with two or more views, also LiDAR.

        Args:
            step: Training step.
            views: Features of N images in V views, by space. [N, V, D] each
            clean: Features of the images without augmentation, by space. If empty, the first views
                are used instead. [N, D] each

        Returns:
            The added readings, as ``<space>/<name>``. A space with one image or with NaN has none.
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
        """Return the last value of a curve; None if there is none, or not any more."""
        points = [] if name in self._absent else self.points(name)
        return points[-1][1] if points else None

    def points(self, name: str) -> list[list[float]]:
        """Return a curve, ``[[step, value], ...]``; empty if there is none."""
        return self._curves[name].as_list() if name in self._curves else []

    def judge(self, limits: verdict.Limits) -> verdict.Verdict:
        """Return the verdict on the last readings; ``facts`` must have those of a batch."""
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
                uniform={
                    name: entropy / math.log(count)
                    for name, count in self.facts.get("prototypes", {}).items()
                    if (entropy := self.last(name)) is not None
                },
            ),
            limits,
        )

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint and for the constructor."""
        return {
            "curves": {name: asdict(curve) for name, curve in self._curves.items()},
            "absent": sorted(self._absent),
            "spectra": self._spectra,
            "facts": self.facts,
            "verdict": list(self.verdict),
            "judgements": self.judgements,
            "told": sorted(self.seen),
        }

    def write(self, folder: Path) -> Path:
        """Write ``collapse.json`` into a folder and return its path."""
        name, reason = self.verdict
        content = {
            "verdict": name,
            "reason": reason,
            "facts": self.facts,
            "curves": {name: _plain(curve.as_list()) for name, curve in self._curves.items()},
            "spectra": self._spectra,
        }
        return write_json(content, folder / FILE_NAME)


def _plain(points: list[list[float]]) -> list[list[float | None]]:
    """Replace NaN and infinity by None: JSON has neither."""
    return [[step, value if math.isfinite(value) else None] for step, value in points]


def read_history(folder: Path) -> dict[str, Any]:
    """Return the content of ``collapse.json`` in a folder.

    Raises:
        FileNotFoundError: There is none.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        raise FileNotFoundError(
            f"{folder}: no {FILE_NAME}. Train with custom_hooks = "
            "[dict(type='mmdense.CollapseHook')], or pass --config and --checkpoint"
        )
    return json.loads(file.read_text(encoding="utf-8"))
