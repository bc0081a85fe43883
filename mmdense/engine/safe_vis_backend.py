"""A tracker that fails does not stop the run that it watches."""

import logging
from collections.abc import Callable
from typing import Any

from mmengine.logging import print_log
from mmengine.visualization.vis_backend import BaseVisBackend

from mmdense.registry import VISBACKENDS

__all__ = ["SafeVisBackend"]


@VISBACKENDS.register_module()
class SafeVisBackend(BaseVisBackend):
    """Passes everything on to another backend until that raises; from there on goes without it.

    What was raised is logged once, as a warning with its cause. A type or an argument of
    ``backend`` that is wrong in the config still stops the run, at its start. Two of these in one
    visualizer need a ``name`` each.

    Args:
        backend: Config of the backend, such as ``dict(type='TensorboardVisBackend')``.
        save_dir: Folder of the run; MMEngine's visualizer fills it in.

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
            self._leave_out("its start", error)

    @property
    def experiment(self) -> Any:
        """The object of the tracker behind the backend; None where it has failed."""
        return self._try("experiment", lambda backend: backend.experiment)

    def add_config(self, config: Any, **kwargs: Any) -> None:
        """Record the config."""
        self._try("add_config", lambda backend: backend.add_config(config, **kwargs))

    def add_graph(self, model: Any, data_batch: Any, **kwargs: Any) -> None:
        """Record the graph of the model."""
        self._try("add_graph", lambda backend: backend.add_graph(model, data_batch, **kwargs))

    def add_image(self, name: str, image: Any, step: int = 0, **kwargs: Any) -> None:
        """Record an image."""
        self._try("add_image", lambda backend: backend.add_image(name, image, step, **kwargs))

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        """Record a number."""
        self._try("add_scalar", lambda backend: backend.add_scalar(name, value, step, **kwargs))

    def add_scalars(
        self, scalar_dict: dict, step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        """Record numbers by name."""
        self._try(
            "add_scalars",
            lambda backend: backend.add_scalars(scalar_dict, step, file_path, **kwargs),
        )

    def close(self) -> None:
        """Close the backend."""
        self._try("close", lambda backend: backend.close())

    def _init_env(self) -> None:
        """The backend prepares itself when it is first used."""

    def _try(self, what: str, use: Callable[[BaseVisBackend], Any]) -> Any:
        if self._backend is None:
            return None
        try:
            return use(self._backend)
        except Exception as error:  # whatever a tracker may raise
            self._leave_out(what, error)
            return None

    def _leave_out(self, what: str, error: Exception) -> None:
        self._backend = None
        cause = f"{type(error).__name__}: {error}"
        print_log(
            f"{self._name} failed in {what}, and the run goes on without it: {cause}",
            logger="current",
            level=logging.WARNING,
        )
