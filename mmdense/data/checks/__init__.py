"""Checks of annotations and images, and skipping of unreadable images."""
