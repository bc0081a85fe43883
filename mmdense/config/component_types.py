"""Check the type and the keys of every ``dict(type=...)`` that a run builds.

Types are looked up as MMEngine's registries do: under the scope in the name (``mmdet.ResNet``), the
``_scope_`` of the dictionary or of one around it, or the ``default_scope``. The kind of registry is
left open, because it depends on who builds the dictionary: a key is unknown where no class of that
name has it in its signature. The keys that upstream components take out of the dictionary of a part
before they build it are listed here.
"""

import difflib
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from mmengine import registry as roots
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from mmengine.utils import get_object_from_string
from torch.utils.data import DataLoader

from mmdense.config.accepted_keywords import accepted_keywords
from mmdense.config.origin import KeyPath

__all__ = ["ConfigProblem", "check_types"]

# Top-level keys that a run builds; all others are variables.
_BUILT = (
    "custom_hooks",
    "data_preprocessor",
    "default_hooks",
    "log_processor",
    "model",
    "model_wrapper_cfg",
    "optim_wrapper",
    "param_scheduler",
    "strategy",
    "test_cfg",
    "test_dataloader",
    "test_evaluator",
    "train_cfg",
    "train_dataloader",
    "tta_model",
    "val_cfg",
    "val_dataloader",
    "val_evaluator",
    "visualizer",
)
# The default type in MMEngine if a dict has none.
_DEFAULT_TYPES = {
    "log_processor": "LogProcessor",
    "optim_wrapper": "OptimWrapper",
    "test_cfg": "TestLoop",
    "val_cfg": "ValLoop",
    "visualizer": "Visualizer",
}
# Keys that are taken out of a dictionary before its class sees it: by whoever builds the classes of
# a kind of registry...
_TAKEN_BY_BUILDER = {
    "hook": {"priority"},
    "optim_wrapper": {"constructor", "optimizer", "paramwise_cfg"},
    "parameter scheduler": {"convert_to_iter_based"},
    "weight initializer": {"name", "override"},
}
_ANY = "any"  # the kind of a class that is not found in a registry
_TAKEN_BY_BUILDER[_ANY] = set().union(*_TAKEN_BY_BUILDER.values())
# ... and by the component around it, by the key that the dictionary is at.
_TAKEN_BY_OWNER = {
    "loss_cls": {"bg_cls_weight"},  # MMDetection's DETR
    "norm_cfg": {"requires_grad"},  # mmcv's build_norm_layer
    "policies": {"magnitude_key", "magnitude_range"},  # MMPretrain's RandAugment
    "upsample_cfg": {"scale_factor"},  # MMDetection's mask heads
    "vision_encoder": {"pretrained"},  # MMPretrain's LLaVA
}
# Dictionaries whose type is in no registry: mmcv's NMS, layers of RoI extractors, names of LoRA's
# layers, connections of the feature pyramid grids (FPG), and the classes of Albumentations.
_NMS = ("nms", "nms_match", "nms_quadri", "nms_rotated", "soft_nms")
_UNREGISTERED = ("roi_layer", "targets", "_trans")
_ALBUMENTATIONS = ("Albu", "Albumentations")
_LOADER_KEYS = {"num_batch_per_epoch"}


@dataclass
class ConfigProblem:
    """A mistake: where it is, what is wrong, what was probably meant, and the file it is from."""

    path: KeyPath
    what: str
    nearest: str | None = None
    origin: str | None = None

    def __str__(self) -> str:
        """One line."""
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        origin = f" ({self.origin})" if self.origin else ""
        return f"{'.'.join(map(str, self.path))}: {self.what}{hint}{origin}"


def check_types(cfg: Config) -> Iterator[ConfigProblem]:
    """Yield the problems of every dict with a type, in order; this imports OpenMMLab code."""
    scope = cfg.get("default_scope") or "mmengine"
    for key in [key for key in cfg if key in _BUILT]:
        node = cfg[key]
        if isinstance(node, Mapping) and "type" not in node and key in _DEFAULT_TYPES:
            node = {**node, "type": _DEFAULT_TYPES[key]}
        if key.endswith("_dataloader") and isinstance(node, Mapping):
            known = (accepted_keywords(DataLoader) or frozenset()) | _LOADER_KEYS
            yield from _unknown_keys(node, known, (key,), "the data loader")
        if key in ("default_hooks", "custom_hooks"):
            yield from _untyped_hooks(node, key)
        yield from _walk(node, (key,), scope)
    randomness = cfg.get("randomness")
    if isinstance(randomness, Mapping):
        known = accepted_keywords(Runner.set_randomness) or frozenset()
        yield from _unknown_keys(randomness, known, ("randomness",), "the runner")


def _walk(node: Any, path: KeyPath, scope: str) -> Iterator[ConfigProblem]:
    """Yield the problems of a node and of all nodes below it."""
    if isinstance(node, list | tuple):
        for number, entry in enumerate(node):
            yield from _walk(entry, (*path, number), scope)
    if not isinstance(node, Mapping) or _key_of(path).endswith(_UNREGISTERED):
        return
    scope = node.get("_scope_") or scope
    kind = node.get("type")
    candidates: list[tuple[Callable, str]] = []
    if isinstance(kind, str) and kind not in _NMS:
        candidates = list(_candidates(kind, scope))
        if not candidates:
            yield _unknown_type(kind, path, scope)
    elif callable(kind) and _name(kind) not in _NMS:
        candidates = [(kind, _ANY)]
    yield from _check_keys(node, path, candidates)
    if any(_name(target) in _ALBUMENTATIONS for target, _ in candidates):
        return
    for key, value in node.items():
        yield from _walk(value, (*path, key), scope)


def _check_keys(
    node: Mapping, path: KeyPath, candidates: list[tuple[Callable, str]]
) -> Iterator[ConfigProblem]:
    """Return the problems of the candidate with the fewest problems."""
    key = _key_of(path)
    taken = next((keys for end, keys in _TAKEN_BY_OWNER.items() if key.endswith(end)), set())
    verdicts = []
    for target, registry in candidates:
        known = accepted_keywords(target)
        if known is None:
            return
        known = known | {"type", "_scope_"} | _TAKEN_BY_BUILDER.get(registry, set()) | taken
        verdicts.append(list(_unknown_keys(node, known, path, _name(target))))
    yield from min(verdicts, key=len, default=[])


def _name(target: Callable) -> str:
    return getattr(target, "__name__", repr(target))  # a partial function has no name


def _candidates(kind: str, scope: str) -> Iterator[tuple[Callable, str]]:
    """Return every class or function of this name, with the kind of its registry."""
    head, _, name = kind.partition(".")
    if name and _has_scope(head):
        for registry in _registries(head):
            registry.import_from_location()
            if name in registry.module_dict:
                yield registry.module_dict[name], registry._get_root_registry().name
    else:
        for registry in _registries(scope, inherited=True):
            if kind in (known := _entries(registry)):
                yield known[kind], registry._get_root_registry().name
    if name and (found := get_object_from_string(kind)) is not None:  # package.module.Class
        yield found, _ANY


def _registries(scope: str, *, inherited: bool = False) -> Iterator[Registry]:
    """Return the registries of a scope, and MMEngine's for missing kinds if ``inherited``."""
    module = _import_scope(scope)
    for root in _roots(roots):
        child = root._search_child(scope)
        if child is not None:  # a registry without entries yet is false
            yield child
        elif inherited:
            yield root
    if module is not None:
        yield from _roots(module)


def _roots(module: ModuleType) -> Iterator[Registry]:
    """The registries in a module that are no other's children, such as MMPretrain's augments."""
    for _, value in sorted(vars(module).items()):
        # Inferencers are built by nobody's config, and importing them imports whole applications.
        if isinstance(value, Registry) and value.parent is None and value is not roots.INFERENCERS:
            yield value


def _has_scope(scope: str) -> bool:
    _import_scope(scope)
    return any(root._search_child(scope) is not None for root in _roots(roots))


def _import_scope(scope: str) -> ModuleType | None:
    """The registries of an OpenMMLab package are in its module ``registry``."""
    if importlib.util.find_spec(scope) and importlib.util.find_spec(f"{scope}.registry"):
        return importlib.import_module(f"{scope}.registry")
    return None


def _entries(registry: Registry) -> dict[str, Callable]:
    """Return the entries of a registry by name; its own replace those of its parents."""
    registry.import_from_location()
    above = {} if registry.parent is None else _entries(registry.parent)
    return above | registry.module_dict


def _unknown_type(kind: str, path: KeyPath, scope: str) -> ConfigProblem:
    head, _, name = kind.partition(".")
    where = (*path, "type")
    if name and not _has_scope(head):
        what = (
            f"there is no {kind!r}: nothing registers under the scope {head!r}. Name the module "
            f"that does: custom_imports = dict(imports=[{head!r}])"
        )
        return ConfigProblem(where, what)
    scope, prefix = (head, f"{head}.") if name else (scope, "")
    name = name or kind
    what = f"no registry of {scope!r} has {name!r}"
    elsewhere = [other for other in _scopes() if any(_candidates(f"{other}.{name}", scope))]
    if elsewhere:
        return ConfigProblem(where, what, f"{elsewhere[0]}.{name}")
    names = {entry for found in _registries(scope, inherited=True) for entry in _entries(found)}
    if nearest := _nearest(name, names):
        return ConfigProblem(where, what, prefix + nearest)
    hint = "is its module imported (custom_imports), and is all installed that it needs?"
    return ConfigProblem(where, f"{what}; {hint}")


def _scopes() -> list[str]:
    """Return the scopes with registered entries, and those of OpenMMLab."""
    for package in ("mmdet", "mmpretrain", "mmseg"):
        _import_scope(package)
    return sorted({child for root in _roots(roots) for child in root.children})


def _unknown_keys(
    node: Mapping, known: Set[str], path: KeyPath, taker: str
) -> Iterator[ConfigProblem]:
    for key in node:
        if key in known:
            continue
        if path == ("optim_wrapper",) and key in ("lr", "weight_decay", "momentum", "betas"):
            what = f"{taker} takes no {key!r}: it belongs to the optimizer in it"
            yield ConfigProblem((*path, key), what, f"optim_wrapper.optimizer.{key}")
        elif (*path, key) == ("train_cfg", "by_epoch"):
            what = "MMEngine takes either this or `type`; an inherited one goes with _delete_=True"
            yield ConfigProblem((*path, key), what)
        else:
            nearest = _nearest(key, known - {"type", "_scope_"})
            yield ConfigProblem((*path, key), f"{taker} takes no {key!r}", nearest)


def _untyped_hooks(node: Any, key: str) -> Iterator[ConfigProblem]:
    entries = node.items() if isinstance(node, Mapping) else enumerate(node or [])
    for name, hook in entries:
        if isinstance(hook, Mapping) and "type" not in hook:
            yield ConfigProblem((key, name), "this hook has no type")


def _key_of(path: KeyPath) -> str:
    """The key of a dictionary, or of the list that it is in."""
    return next((key for key in reversed(path) if isinstance(key, str)), "")


def _nearest(name: str, known: Set[str]) -> str | None:
    found = difflib.get_close_matches(name, sorted(known), n=1)
    return found[0] if found else None
