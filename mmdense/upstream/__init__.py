"""Workarounds for faults of upstream packages, one file each, with the reason."""
