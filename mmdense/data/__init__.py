"""Data sets, image reading, data checks and random views."""
