"""What a check has found."""

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass
class Finding:
    """One misfit: a title, what was seen, and what to do.

    ``serious`` is False where everything here works all the same, and the person should only know.
    """

    title: str
    seen: str
    advice: str
    serious: bool = True
