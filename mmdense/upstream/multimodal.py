"""Lets ``mmpretrain.models`` be imported beside any release of transformers.

MMPretrain builds its multimodal models where the distribution ``transformers`` is installed. Its
BLIP code hides a failed import behind a bare ``except`` and then inherits from None, so that one
name that transformers 5 no longer has (or a transformers that is broken) ends the import of
``mmpretrain.models``, and of ``mmdet.models`` and ``mmseg.models``, which import it. Seen with
onedl-mmpretrain 1.3.6 and transformers 5.24.

Where the names that MMPretrain needs are missing, its multimodal models become placeholders, as
they are without transformers; every other model works.
"""

import importlib
from collections.abc import Iterable
from typing import Any, NoReturn

from mmdense.upstream.after_import import after_import

__all__ = ["install", "why_not_multimodal"]

# What MMPretrain imports from transformers outside of functions and has vanished in a release.
_NEEDED = {
    "transformers": ("BasicTokenizer", "BertTokenizerFast", "LlamaTokenizer", "WordpieceTokenizer"),
    "transformers.modeling_utils": ("GenerationConfig", "PretrainedConfig", "PreTrainedModel"),
    "transformers.pytorch_utils": (
        "apply_chunking_to_forward",
        "find_pruneable_heads_and_indices",
        "prune_linear_layer",
    ),
}


def install() -> None:
    """Turn MMPretrain's multimodal models into placeholders where they cannot be imported."""
    after_import("mmpretrain.utils.dependency", _check)


def why_not_multimodal() -> str | None:
    """The reason why MMPretrain's multimodal models cannot be imported; None if they can."""
    for name, attributes in _NEEDED.items():
        try:
            module = importlib.import_module(name)
            for attribute in attributes:
                getattr(module, attribute)
        except Exception as error:  # a broken transformers may raise anything
            return f"{type(error).__name__}: {error}".splitlines()[0]
    return None


def _check(dependency: Any) -> None:
    reason = why_not_multimodal() if dependency.WITH_MULTIMODAL else None
    if reason is None:
        return
    dependency.WITH_MULTIMODAL = False

    def register_placeholders(names: Iterable[str], registry: Any) -> None:
        for name in names:
            registry.register_module(name=name, module=_placeholder(name, reason))

    dependency.register_multimodal_placeholder = register_placeholders


def _placeholder(name: str, reason: str) -> Any:
    def unavailable(*args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(
            f"{name}: MMPretrain's multimodal models do not work with the installed transformers "
            f"({reason}). Install a release that they know: pip install 'transformers<5'"
        )

    return unavailable
