"""Does the installed transformers fit MMPretrain's multimodal models?"""

from mmdense.doctor.finding import Finding
from mmdense.records.versions import version_of
from mmdense.upstream.multimodal import why_not_multimodal

__all__ = ["check_multimodal"]


def check_multimodal() -> Finding | None:
    """A transformers that MMPretrain does not know switches its multimodal models off."""
    version = version_of("transformers")
    reason = why_not_multimodal() if version else None
    if reason is None:
        return None
    return Finding(
        f"transformers {version} does not fit MMPretrain's multimodal models",
        f"{reason}. mmdense replaces these models (BLIP, OFA, ...) by placeholders",
        "nothing, unless you need these models: pip install 'transformers<5'",
        serious=False,
    )
