"""The protocols of dense evaluation by name."""

from mmdense.evaluation.dense.protocol import Protocol

__all__ = ["PROTOCOLS"]

PROTOCOLS: dict[str, Protocol] = {}
