"""All key naming schemes, and which of them some keys follow."""

from collections.abc import Iterable
from itertools import takewhile

from mmdense.transfer.naming_schemes import efficientnet, resnet, swin, vit
from mmdense.transfer.naming_schemes.scheme import UNKNOWN, NamingScheme

__all__ = ["SCHEMES", "identify"]

# The first scheme that applies is taken.
SCHEMES = (*vit.SCHEMES, *swin.SCHEMES, *efficientnet.SCHEMES, *resnet.SCHEMES)


def identify(keys: Iterable[str]) -> tuple[str, NamingScheme]:
    """The common prefix of the keys of a backbone, and the scheme of what follows it.

    A backbone may wrap another model, as MMPretrain's ``TIMMBackbone`` does (``timm_model.``).
    If no scheme applies, the prefix is empty.
    """
    keys = list(keys)
    parts = zip(*(key.split(".") for key in keys))
    shared = [first for first, *others in takewhile(lambda part: len(set(part)) == 1, parts)]
    for prefix in dict.fromkeys(("", ".".join([*shared, ""]))):
        inner = [key.removeprefix(prefix) for key in keys]
        scheme = next((scheme for scheme in SCHEMES if scheme.applies_to(inner)), None)
        if scheme is not None:
            return prefix, scheme
    return "", UNKNOWN
