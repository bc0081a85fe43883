"""A tracker that fails does not stop the run that it watches."""

import logging
from collections.abc import Callable
from typing import Any

from mmengine.logging import print_log
from mmengine.visualization.vis_backend import BaseVisBackend

from mmdense.registry import VISBACKENDS

__all__ = ["SafeVisBackend"]


def _guarded(name: str) -> Callable[..., Any]:
    def method(self: "SafeVisBackend", *args: Any, **kwargs: Any) -> Any:
        return self._try(name, lambda backend: getattr(backend, name)(*args, **kwargs))

    return method


@VISBACKENDS.register_module()
class SafeVisBackend(BaseVisBackend):
    """Passes everything on to another backend until that raises; then the run continues without it.

    The exception is logged once, as a warning. A wrong type or argument of ``backend`` in the
    config still stops the run, at its start. Two of these in one visualizer need a ``name`` each.

    Args:
        backend: Config of the backend, such as ``dict(type='TensorboardVisBackend')``.
        save_dir: Folder of the run; MMEngine's visualizer sets it.

    Raises:
        KeyError: No registry has the type.
        TypeError: The backend does not take an argument.
    """

    def __init__(self, backend: dict, save_dir: str | None = None) -> None:
        super().__init__(save_dir)
        self._name = str(backend.get("type"))
        self._backend: BaseVisBackend | None = None
        config = {"save_dir": save_dir, **backend}
        try:
            self._backend = VISBACKENDS.build(config)
        except (KeyError, TypeError):  # a mistake in the config
            raise
        except Exception as error:  # whatever a tracker may raise
            self._drop("its start", error)

    @property
    def experiment(self) -> Any:
        """The object of the tracker behind the backend; None if it has failed."""
        return self._try("experiment", lambda backend: backend.experiment)

    add_config = _guarded("add_config")
    add_graph = _guarded("add_graph")
    add_image = _guarded("add_image")
    add_scalar = _guarded("add_scalar")
    add_scalars = _guarded("add_scalars")
    close = _guarded("close")

    def _init_env(self) -> None:
        """The backend prepares itself when it is first used."""

    def _try(self, what: str, use: Callable[[BaseVisBackend], Any]) -> Any:
        if self._backend is None:
            return None
        try:
            return use(self._backend)
        except Exception as error:  # whatever a tracker may raise
            self._drop(what, error)
            return None

    def _drop(self, what: str, error: Exception) -> None:
        self._backend = None
        cause = f"{type(error).__name__}: {error}"
        print_log(
            f"{self._name} failed in {what}, and the run goes on without it: {cause}",
            logger="current",
            level=logging.WARNING,
        )
