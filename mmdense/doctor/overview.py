"""Overview of an installation: versions, operators, devices, data sets."""

import json
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from mmdense.version import __version__, installed_versions

__all__ = ["data_sets", "devices", "operators", "overview"]

Lines = Iterator[tuple[str, str]]


def overview() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return titled groups of named lines; an error is shown in its group."""
    groups: list[tuple[str, Callable[[], Lines]]] = [
        ("Versions", _versions),
        ("Operators for mmcv.ops", operators),
        ("Devices", devices),
        ("Data sets", data_sets),
    ]
    return [(title, _lines(group)) for title, group in groups]


def _lines(group: Callable[[], Lines]) -> list[tuple[str, str]]:
    try:
        return list(group())
    except Exception as error:  # a broken package must not hide the other groups
        return [("unknown", f"{type(error).__name__}: {error}".splitlines()[0])]


def _versions() -> Lines:
    versions = {"python": platform.python_version(), "mmdense": __version__}
    installed = {name: version or "not installed" for name, version in installed_versions().items()}
    pairs = [f"{name} {version}" for name, version in (versions | installed).items()]
    yield "mmdense from", str(Path(__file__).parents[2])
    for start in range(0, len(pairs), 3):
        yield "" if start else "packages", ", ".join(pairs[start : start + 3])


def operators() -> Lines:
    """Yield the source of each operator by device: mmcv, torchvision, mmdense or missing."""
    import torch

    from mmdense.ops import mmcv_ops

    mmcv_ops.install()
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        sources = mmcv_ops.sources(device)
        counts = Counter(sources.values())
        suppliers = [name for name in ("mmcv", "torchvision", "mmdense") if counts[name]]
        yield device, ", ".join(f"{counts[name]} from {name}" for name in suppliers)
        if not counts["mmcv"]:
            yield "", "for example NMS, RoIAlign, focal loss; others raise an error with their name"


def devices() -> Lines:
    """Yield the GPUs with memory and compute capability, and the processor."""
    import torch

    from mmdense.records.environment import collect_environment

    hardware = collect_environment()["hardware"]
    for number, name in enumerate(hardware["gpus"]):
        gpu = torch.cuda.get_device_properties(number)
        features = f"compute capability {gpu.major}.{gpu.minor}, {_or_no(gpu.major >= 8)}bfloat16"
        yield f"cuda:{number}", f"{name}, {gpu.total_memory / 2**30:.0f} GiB, {features}"
    if not hardware["gpus"]:
        yield "cuda", f"none (torch {torch.__version__})"
    yield "cpu", f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['ram_gib']} GiB"
    bf16 = "" if hardware["gpus"] else f", {_or_no(hardware['bf16'])}bfloat16"
    yield "", f"{_or_no(hardware['amx'])}AMX{bf16}"


def data_sets(root: Path | str = "data") -> Lines:
    """Yield prepared data sets with their number of images, and the names of other folders."""
    folders = sorted(path for path in Path(root).glob("[!.]*") if path.is_dir())
    if not folders:
        yield "none", f"in {Path(root).absolute()}"
    others = []
    for folder in folders:
        receipt = folder / "prepared.json"
        if receipt.is_file():
            counts = json.loads(receipt.read_text(encoding="utf-8"))["counts"]
            yield folder.name, ", ".join(f"{split} {count}" for split, count in counts.items())
        else:
            others.append(folder.name)
    if others:
        yield "other", ", ".join(others)


def _or_no(there: bool) -> str:
    return "" if there else "no "
