import logging

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import VISBACKENDS
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend

from mmdense.engine import safe_vis_backend

CALLS = {
    "add_config": (Config({"a": 1}),),
    "add_graph": (None, []),
    "add_image": ("image", np.zeros((2, 2, 3), np.uint8), 3),
    "add_scalar": ("loss", 0.5, 3),
    "add_scalars": ({"loss": 0.5}, 3),
    "close": (),
}


class Tracker(BaseVisBackend):
    """Notes its calls, and raises in those named."""

    def __init__(self, save_dir=None, raises=(), error=OSError):
        self.raises, self.error, self.calls = raises, error, []
        self._note("__init__")
        super().__init__(save_dir)

    def _note(self, name, *args):
        self.calls.append((name, *args))
        if name in self.raises:
            raise self.error("no space left on device")

    def _init_env(self):
        pass

    @property
    def experiment(self):
        self._note("experiment")
        return self


for method in CALLS:
    setattr(Tracker, method, lambda self, *args, name=method: self._note(name, *args))


@pytest.fixture
def warnings(monkeypatch):
    """Texts of warnings; the tracker is registered."""
    texts = []

    def note(text, logger, level):
        assert (logger, level) == ("current", logging.WARNING)
        texts.append(text)

    monkeypatch.setitem(VISBACKENDS.module_dict, "TestTracker", Tracker)
    monkeypatch.setattr(safe_vis_backend, "print_log", note)
    return texts


def build(**backend):
    config = {"type": "mmdense.SafeVisBackend", "backend": {"type": "TestTracker", **backend}}
    return VISBACKENDS.build({**config, "save_dir": "somewhere"})


def test_a_backend_that_works_gets_everything(warnings):
    safe = build()
    tracker = safe.experiment
    for method, arguments in CALLS.items():
        getattr(safe, method)(*arguments)
    assert tracker.calls[1:] == [("experiment",), *((name, *args) for name, args in CALLS.items())]
    assert tracker._save_dir == "somewhere"
    assert warnings == []


@pytest.mark.parametrize(
    ("method", "error"),
    zip(["__init__", "experiment", *CALLS], [OSError, ImportError, ValueError, RuntimeError] * 2),
)
def test_the_first_exception_is_logged_and_the_run_goes_on_without(warnings, method, error):
    safe = build(raises=[method], error=error)
    tracker = safe._backend
    for _ in range(2):
        assert method != "experiment" or safe.experiment is None
        for name, arguments in CALLS.items():
            getattr(safe, name)(*arguments)
    if tracker is not None:
        assert tracker.calls[-1][0] == method  # nothing after the failure
    (warning,) = warnings
    assert f"{error.__name__}: no space left on device" in warning
    assert safe.experiment is None


@pytest.mark.parametrize(
    ("backend", "error"),
    [({"type": "NoTrackerHasThisName"}, KeyError), ({"x": 1}, TypeError)],
)
def test_a_mistake_in_the_config_stops_the_run(warnings, backend, error):
    with pytest.raises(error):
        build(**backend)
    with pytest.raises(KeyboardInterrupt):  # not an Exception
        build(raises=["add_scalar"], error=KeyboardInterrupt).add_scalar("loss", 0.5)
    assert warnings == []


def test_beside_a_backend_that_works_in_a_visualizer(warnings, tmp_path):
    broken = {"type": "TestTracker", "raises": ["add_scalars"]}
    visualizer = Visualizer(
        vis_backends=[
            {"type": "LocalVisBackend"},
            {"type": "mmdense.SafeVisBackend", "backend": broken},
        ],
        save_dir=str(tmp_path),
    )
    visualizer.add_scalars({"loss": 0.5}, step=1)
    visualizer.add_scalars({"loss": 0.25}, step=2)
    visualizer.close()
    lines = (tmp_path / "vis_data" / "scalars.json").read_text().splitlines()
    assert lines == ['{"loss": 0.5, "step": 1}', '{"loss": 0.25, "step": 2}']
    assert len(warnings) == 1
