"""Workarounds for upstream packages, one file each, with the reason."""
