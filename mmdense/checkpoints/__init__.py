"""Checkpoint files: read without running code, written whole or not at all."""
