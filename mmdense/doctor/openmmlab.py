"""The maintained distributions of OpenMMLab and the originals share their import names."""

from mmdense.doctor.finding import Finding
from mmdense.records.versions import version_of

__all__ = ["check_originals"]

# Import name: the maintained distribution, and the originals that unpack into the same folder.
_FORKS = {
    "mmengine": ("onedl-mmengine", ("mmengine", "mmengine-lite")),
    "mmcv": ("onedl-mmcv", ("mmcv", "mmcv-lite", "mmcv-full")),
    "mmdet": ("onedl-mmdetection", ("mmdet",)),
    "mmpretrain": ("onedl-mmpretrain", ("mmpretrain",)),
    "mmseg": ("onedl-mmsegmentation", ("mmsegmentation",)),
}


def check_originals() -> Finding | None:
    """An original beside its fork has overwritten files of it, or the other way round."""
    seen, remove, install = [], [], []
    for fork, originals in _FORKS.values():
        present = {name: version for name in originals if (version := version_of(name))}
        if not present:
            continue
        names = [f"{name} {version}" for name, version in present.items()]
        fork_version = version_of(fork)
        seen.append(" and ".join([*names, *([f"{fork} {fork_version}"] if fork_version else [])]))
        remove += [*present, *([fork] if fork_version else [])]
        install.append(fork)
    if not seen:
        return None
    return Finding(
        "originals of OpenMMLab are installed",
        f"{'; '.join(seen)}. They have the folder of the onedl-* release, and overwrite it",
        f"pip uninstall -y {' '.join(remove)} && "
        f"pip install -c constraints.txt {' '.join(install)}",
    )
