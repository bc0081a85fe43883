"""One mistake in a config, as a person reads it."""

from dataclasses import dataclass

from mmdense.config.origin import KeyPath

__all__ = ["ConfigProblem"]


@dataclass
class ConfigProblem:
    """Where it is, what is wrong, what was probably meant, and the file that it came from."""

    path: KeyPath
    what: str
    nearest: str | None = None
    origin: str | None = None

    def __str__(self) -> str:
        """One line."""
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        origin = f" ({self.origin})" if self.origin else ""
        return f"{'.'.join(map(str, self.path))}: {self.what}{hint}{origin}"
