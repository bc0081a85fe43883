"""Collage, the embedded data set: generated at first use, never downloaded."""
