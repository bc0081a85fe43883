"""Make ``mmpretrain.models`` importable with any release of transformers.

MMPretrain defines its multimodal models if ``transformers`` is installed. Its BLIP code catches a
failed import with a bare ``except`` and then inherits from None. So a name that transformers 5
removed, or a broken transformers, makes the import of ``mmpretrain.models`` fail, and with it
``mmdet.models`` and ``mmseg.models``. Seen with onedl-mmpretrain 1.3.6 and transformers 5.24.

If names that MMPretrain needs are missing, its multimodal models become placeholders, as without
transformers. All other models work.
"""

import importlib
from collections.abc import Iterable
from typing import Any, NoReturn

from mmdense.upstream.after_import import after_import

__all__ = ["install", "why_not_multimodal"]

# Names that MMPretrain imports at module level and that a release of transformers removed.
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
    """Replace the multimodal models of MMPretrain by placeholders if they cannot be imported."""
    after_import("mmpretrain.utils.dependency", _check)


def why_not_multimodal() -> str | None:
    """Return why the multimodal models of MMPretrain cannot be imported; None if they can."""
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
            f"{name}: the multimodal models of MMPretrain do not work with the installed "
            f"transformers ({reason}). Install another release: pip install 'transformers<5'"
        )

    return unavailable
