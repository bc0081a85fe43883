"""Checkpoint files: safe reading, atomic writing, download and export."""
