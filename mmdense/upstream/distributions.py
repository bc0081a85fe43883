"""Lets ``mmseg::...`` configs be inherited from the maintained distributions of OpenMMLab, fast.

MMEngine keeps a table from import name to distribution name, and its entry for MMSegmentation
(``mmsegmentation``) is not what ``onedl-mmsegmentation`` installs. The inheritance then fails, and
``mmengine.hub.get_config`` even installs the old package over the new one. The import name works
for both, so the entry is pointed there. Known in onedl-mmengine 0.10.12.

For each ``mmdet::...`` MMEngine also parses the hundred metafiles of the package, half a second,
before it takes the file of that name from the folder of configs. Here it takes the file.
"""

import importlib.metadata
import importlib.util
from pathlib import Path

import mmengine.config.config as reader
from mmengine.config import utils as config_tables

__all__ = ["install"]


def _has_distribution(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _path_of_config(package_path: str, cfg_file: str) -> str:
    path = Path(package_path, ".mim", "configs", cfg_file)
    if path.is_file():
        return str(path)
    return config_tables._get_external_cfg_path(package_path, cfg_file)


def install() -> None:
    """Point each entry of MMEngine's table that names an absent distribution to the import name.

    Also find the config of a package by its path alone. Only packages that can be imported are
    touched; calling it again changes nothing.
    """
    for module, distribution in config_tables.MODULE2PACKAGE.items():
        if module == distribution or _has_distribution(distribution):
            continue
        if importlib.util.find_spec(module) is not None:
            config_tables.MODULE2PACKAGE[module] = module
    reader._get_external_cfg_path = _path_of_config
