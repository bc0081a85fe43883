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
    "add_image": ("picture", np.zeros((2, 2, 3), np.uint8), 3),
    "add_scalar": ("loss", 0.5, 3),
    "add_scalars": ({"loss": 0.5}, 3),
    "close": (),
}


class Tracker(BaseVisBackend):
    """Notes its calls, and raises in those named."""

    def __init__(self, save_dir=None, raises=(), error=OSError):
        if "__init__" in raises:
            raise error("no space left on device")
        super().__init__(save_dir)
        self.raises, self.error, self.calls = raises, error, []

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


def noting(name):
    return lambda self, *args: self._note(name, *args)


for method in CALLS:
    setattr(Tracker, method, noting(method))


@pytest.fixture(autouse=True)
def registered():
    VISBACKENDS.register_module(name="TestTracker", module=Tracker, force=True)
    yield
    VISBACKENDS.module_dict.pop("TestTracker")


@pytest.fixture
def warnings(monkeypatch):
    """The texts that are logged as warnings."""
    texts = []

    def note(text, logger, level):
        assert (logger, level) == ("current", logging.WARNING)
        texts.append(text)

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
    assert tracker.calls == [("experiment",), *((name, *args) for name, args in CALLS.items())]
    assert tracker._save_dir == "somewhere"
    assert warnings == []


@pytest.mark.parametrize(
    ("method", "error"), zip(CALLS, [OSError, ImportError, ValueError, RuntimeError] * 2)
)
def test_the_first_exception_is_logged_and_the_run_goes_on_without(warnings, method, error):
    safe = build(raises=[method], error=error)
    tracker = safe.experiment
    tracker.calls.clear()
    getattr(safe, method)(*CALLS[method])
    for other, arguments in CALLS.items():
        getattr(safe, other)(*arguments)
    assert [call[0] for call in tracker.calls] == [method]  # nothing after the failure
    assert warnings == [
        f"TestTracker failed in {method}, and the run goes on without it: "
        f"{error.__name__}: no space left on device"
    ]
    assert safe.experiment is None


@pytest.mark.parametrize("place", ["__init__", "experiment"])
def test_a_tracker_may_fail_at_its_start(warnings, place):
    safe = build(raises=[place])
    assert safe.experiment is None
    safe.add_scalar("loss", 0.5)
    assert len(warnings) == 1
    assert "OSError: no space left on device" in warnings[0]


@pytest.mark.parametrize(
    ("backend", "error"),
    [({"type": "NoTrackerHasThisName"}, KeyError), ({"type": "TestTracker", "x": 1}, TypeError)],
)
def test_a_mistake_in_the_config_stops_the_run(warnings, backend, error):
    with pytest.raises(error):
        VISBACKENDS.build({"type": "mmdense.SafeVisBackend", "backend": backend})
    assert warnings == []


def test_only_exceptions_are_caught(warnings):
    with pytest.raises(KeyboardInterrupt):
        build(raises=["add_scalar"], error=KeyboardInterrupt).add_scalar("loss", 0.5)


def test_beside_a_backend_that_works_in_a_visualizer(warnings, tmp_path):
    visualizer = Visualizer(
        vis_backends=[
            {"type": "LocalVisBackend"},
            {
                "type": "mmdense.SafeVisBackend",
                "backend": {"type": "TestTracker", "raises": ["add_scalars"]},
            },
        ],
        save_dir=str(tmp_path),
    )
    visualizer.add_scalars({"loss": 0.5}, step=1)
    visualizer.add_scalars({"loss": 0.25}, step=2)
    visualizer.close()
    lines = (tmp_path / "vis_data" / "scalars.json").read_text().splitlines()
    assert lines == ['{"loss": 0.5, "step": 1}', '{"loss": 0.25, "step": 2}']
    assert len(warnings) == 1
