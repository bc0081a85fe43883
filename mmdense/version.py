"""The version of mmdense, and those of installed packages, without importing one of them."""

from importlib import metadata

__version__ = "0.2.0"

# The name a record uses, and the distributions that may carry it (the first one installed counts).
DISTRIBUTIONS = {
    "torch": ("torch",),
    "torchvision": ("torchvision",),
    "mmengine": ("onedl-mmengine", "mmengine"),
    "mmcv": ("onedl-mmcv", "mmcv", "mmcv-lite"),
    "mmdet": ("onedl-mmdetection", "mmdet"),
    "mmpretrain": ("onedl-mmpretrain", "mmpretrain"),
    "mmseg": ("onedl-mmsegmentation", "mmsegmentation"),
    "timm": ("timm",),
    "numpy": ("numpy",),
    "opencv": ("opencv-python", "opencv-python-headless"),
}


def installed_versions() -> dict[str, str | None]:
    """From the names of :data:`DISTRIBUTIONS` to versions; None where nothing is installed."""
    found = {name: [version_of(dist) for dist in dists] for name, dists in DISTRIBUTIONS.items()}
    return {name: next(filter(None, versions), None) for name, versions in found.items()}


def version_of(distribution: str) -> str | None:
    """Installed version of a distribution."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
