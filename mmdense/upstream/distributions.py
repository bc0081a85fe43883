"""Make inheritance from ``mmseg::...`` configs work with the ``onedl-*`` distributions, and fast.

MMEngine has a table from import names to distribution names. Its entry for MMSegmentation,
``mmsegmentation``, is not the name of ``onedl-mmsegmentation``. The inheritance then fails, and
``mmengine.hub.get_config`` even installs the old package over the new one. The import name works
for both distributions. Seen in onedl-mmengine 0.10.12.

For each ``mmdet::...`` MMEngine also parses all metafiles of the package, which takes half a
second, before it uses the config file of that name. Here the file is used directly.
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
    """Use the import name for each entry of the table whose distribution is not installed.

    Also find the config of a package by its path. Entries of packages that cannot be imported are
    not changed.
    """
    for module, distribution in config_tables.MODULE2PACKAGE.items():
        if module == distribution or _has_distribution(distribution):
            continue
        if importlib.util.find_spec(module) is not None:
            config_tables.MODULE2PACKAGE[module] = module
    reader._get_external_cfg_path = _path_of_config
