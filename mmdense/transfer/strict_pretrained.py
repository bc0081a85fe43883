"""``init_cfg=dict(type='StrictPretrained', checkpoint=...)``: pretrained weights, all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.registry import WEIGHT_INITIALIZERS

__all__ = ["StrictPretrained"]


@WEIGHT_INITIALIZERS.register_module()
class StrictPretrained:
    """An initialiser of MMEngine that fills a backbone strictly, whatever dialect the file speaks.

    The draws that would follow it are left out: those of the parts, and those that hosts make
    unless ``init_cfg`` says ``Pretrained``. The Swin of MMDetection and of MMSegmentation read the
    file of their ``init_cfg`` themselves; the tools of mmdense load after them
    (:mod:`mmdense.engine.start`), and elsewhere ``mmdense.LoadBackboneHook`` does.

    Args:
        checkpoint: file or address, see :func:`~mmdense.transfer.backbone.load_backbone`.
        branch: the same.
        allow: the same.
        grid: the same.
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
        """Fill a module, which is in the middle of its ``init_weights``."""
        from mmengine.logging import print_log

        from mmdense.transfer.backbone import load_backbone

        print_log(str(load_backbone(module, self.checkpoint, **self.options)), logger="current")
        for part in module.modules():
            if part is not module and hasattr(part, "init_weights"):
                part.is_init = True
        module.init_cfg = {"type": "Pretrained", "checkpoint": self.checkpoint}
