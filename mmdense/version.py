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
    """Return versions by the names of :data:`DISTRIBUTIONS`; None if nothing is installed."""
    found = {name: [version_of(dist) for dist in dists] for name, dists in DISTRIBUTIONS.items()}
    return {name: next(filter(None, versions), None) for name, versions in found.items()}


def version_of(distribution: str) -> str | None:
    """Return the installed version of a distribution; None if there is none."""
    found = distribution_of(distribution)
    return found.version if found else None


def distribution_of(name: str) -> metadata.Distribution | None:
    """Return an installed distribution; None if there is none."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
