"""Location of configs and tools: next to the package in a checkout, inside it in a wheel.

A wheel has them in ``mmdense/.mim``, like the packages of OpenMMLab.
"""

import importlib.util
from pathlib import Path

__all__ = ["ROOT", "install", "locate_config"]

_PACKAGE = Path(__file__).resolve().parent
_IN_WHEEL = _PACKAGE / ".mim"

#: The folder with ``configs`` and ``tools``.
ROOT = _IN_WHEEL if _IN_WHEEL.is_dir() else _PACKAGE.parent


def locate_config(name: str | Path) -> Path:
    """Return the file of a config; ``name`` itself if there is none.

    Args:
        name: A file; ``package::path`` of a config in a package (``mmdense::``, ``mmdet::``); or
            ``configs/...`` of mmdense, in a folder without such a file.
    """
    path = Path(name)
    package, colons, inside = str(name).partition("::")
    candidates = [path]
    if colons and package == "mmdense":
        candidates.append(ROOT / "configs" / inside)
    elif colons and (spec := importlib.util.find_spec(package)) and spec.origin:
        candidates.append(Path(spec.origin).parent / ".mim" / "configs" / inside)
    elif path.parts[:1] == ("configs",):
        candidates.append(ROOT / path)
    return next((candidate for candidate in candidates if candidate.is_file()), path)


def install() -> None:
    """Make configs inherit ``mmdense::...`` like local files.

    MMEngine sets the scope of a package for everything that is inherited from it, and then builds
    ``type='FasterRCNN'`` only from the registries of that scope. The registries of mmdense extend
    those of MMDetection, MMPretrain and MMSegmentation, and the ``default_scope`` of a config
    selects one of them.
    """
    from mmengine.config import Config

    original = Config._get_cfg_path
    if getattr(original, "finds_mmdense", False):
        return

    def get_cfg_path(cfg_path: str, filename: str) -> tuple[str, str | None]:
        if cfg_path.startswith("mmdense::"):
            return str(locate_config(cfg_path)), None
        return original(cfg_path, filename)

    get_cfg_path.finds_mmdense = True  # type: ignore[attr-defined]
    setattr(Config, "_get_cfg_path", staticmethod(get_cfg_path))  # noqa: B010
