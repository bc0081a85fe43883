"""A key naming scheme: the keys that a project uses for the weights of a backbone.

A scheme is a table of rules. Each rule translates a key into the canonical key of the family, so n
tables give n * n conversions. A table lists the keys that differ; the canonical keys come last.

Keys are written as patterns: ``layers.{i}.ln1.*`` matches the first norm of every block. ``{i}`` is
a number, ``*`` at the end matches any suffix.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from torch import Tensor


class Conversion(NamedTuple):
    """Conversion of values between a scheme and the canonical weight."""

    to_canonical: Callable[..., Tensor]  # arguments: the tensors of all keys of a rule
    from_canonical: Callable[[Tensor], Sequence[Tensor]]  # the inverse, up to a reshape


UNCHANGED = Conversion(lambda value: value, lambda value: (value,))


class KeyRule(NamedTuple):
    """One canonical weight in a scheme."""

    keys: tuple[str, ...]  # its key in the scheme, or the keys of its parts, all required
    canonical: str
    conversion: Conversion = UNCHANGED

    def fill(self, key: str) -> KeyRule | None:
        """Return the rule with the fields of ``key``; ``None`` if it does not apply."""
        fields = match(self.keys[0], key)
        if fields is None:
            return None
        keys = tuple(fill(pattern, fields) for pattern in self.keys)
        return self._replace(keys=keys, canonical=fill(self.canonical, fields))

    def read(self, weights: Mapping[str, Tensor]) -> Tensor:
        """Return the canonical values."""
        return self.conversion.to_canonical(*(weights[key] for key in self.keys))

    def write(self, value: Tensor) -> dict[str, Tensor]:
        """Return the weights of the scheme for canonical values."""
        return dict(zip(self.keys, self.conversion.from_canonical(value), strict=True))


class NamingScheme(NamedTuple):
    """The keys of one project."""

    name: str  # for messages
    family: str  # schemes of a family can be converted into each other
    signature: tuple[str, ...]  # patterns that all occur in a state dict of the scheme
    rules: tuple[KeyRule, ...]  # for the weights of the backbone; the first that matches is used
    other: tuple[str, ...] = ()  # keys outside the backbone (classifiers), and derived buffers
    # Canonical weights that some networks do not have. A source with one weight of a pattern must
    # have all of them.
    optional: tuple[str, ...] = ()

    def applies_to(self, keys: Iterable[str]) -> bool:
        """Return whether all patterns of the signature match some of the keys."""
        keys = list(keys)
        return all(
            any(_regex(pattern).fullmatch(key) for key in keys) for pattern in self.signature
        )

    def translate(self, keys: Iterable[str]) -> tuple[dict[str, KeyRule], list[str]]:
        """Return filled rules by canonical key, and the keys that no rule covers."""
        keys = dict.fromkeys(keys)  # ordered set
        found = {}
        for key in keys:
            filled = (rule.fill(key) for rule in self.rules)
            rule = next((rule for rule in filled if rule is not None), None)
            if rule is not None and all(part in keys for part in rule.keys):
                found[rule.canonical] = rule
        covered = {key for rule in found.values() for key in rule.keys}
        return found, [key for key in keys if key not in covered]


def keep(*keys: str) -> tuple[KeyRule, ...]:
    """Return rules for weights whose keys are canonical."""
    return tuple(KeyRule((key,), key) for key in keys)


def rename(
    keys: Mapping[str, str], own: str = "", canonical: str = "", conversion: Conversion = UNCHANGED
) -> tuple[KeyRule, ...]:
    """Return rules from keys of a scheme to canonical keys, with a prefix on each side."""
    return tuple(KeyRule((own + a,), canonical + b, conversion) for a, b in keys.items())


# If no scheme applies, every key is canonical.
UNKNOWN = NamingScheme("unknown keys", "unknown", (), keep("*"))


def match(pattern: str, key: str) -> dict[str, str] | None:
    """Return the fields of a key; ``None`` if the pattern does not match."""
    found = _regex(pattern).fullmatch(key)
    return None if found is None else found.groupdict()


def matches_any(patterns: Iterable[str], key: str) -> bool:
    """Return whether one of the patterns matches a key."""
    return any(_regex(pattern).fullmatch(key) for pattern in patterns)


def fill(pattern: str, fields: Mapping[str, str]) -> str:
    """Return the key of a pattern with its fields."""
    return pattern.replace("*", "{rest}").format(**fields)


def prefix_of(pattern: str, key: str) -> str | None:
    """Return the prefix of a key whose end matches the pattern: empty, or up to a dot."""
    found = re.fullmatch(rf"(?P<prefix>(?:.+\.)?){_regex(pattern).pattern}", key)
    return None if found is None else found["prefix"]


@cache
def _regex(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*", "(?P<rest>.+)")
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>\\d+)", escaped))
