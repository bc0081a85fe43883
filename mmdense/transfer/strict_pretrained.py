"""``init_cfg=dict(type='StrictPretrained', checkpoint=...)``: load a backbone strictly."""

from collections.abc import Sequence
from typing import Any

from mmengine.registry import WEIGHT_INITIALIZERS

__all__ = ["StrictPretrained"]


@WEIGHT_INITIALIZERS.register_module()
class StrictPretrained:
    """An initialiser of MMEngine that loads a backbone strictly, with any key naming scheme.

    It prevents the random draws that would follow: those of the submodules, and those that upstream
    makes unless ``init_cfg`` is of type ``Pretrained``. The Swin of MMDetection and of
    MMSegmentation read the file of their ``init_cfg`` themselves; the tools of mmdense load after
    them (:mod:`mmdense.engine.steps`), and elsewhere ``mmdense.LoadBackboneHook`` does.

    The arguments are those of :func:`~mmdense.transfer.apply.load_backbone`.
    """

    def __init__(
        self,
        checkpoint: str,
        branch: str | None = None,
        allow: Sequence[str] = (),
        grid: tuple[int, int] | None = None,
    ) -> None:
        self.checkpoint = checkpoint
        self.options: dict[str, Any] = {"branch": branch, "allow": allow, "grid": grid}

    def __call__(self, module: Any) -> None:
        """Fill a module during its ``init_weights``."""
        # Imported here: it takes seconds, and every program registers this class.
        from mmengine.logging import print_log

        from mmdense.transfer.apply import load_backbone

        print_log(str(load_backbone(module, self.checkpoint, **self.options)), logger="current")
        for part in module.modules():
            if part is not module and hasattr(part, "init_weights"):
                part.is_init = True
        module.init_cfg = {"type": "Pretrained", "checkpoint": self.checkpoint}
