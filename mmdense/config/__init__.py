"""Checks of configs before a run: mistyped keys, unknown types, the origin of a value."""
