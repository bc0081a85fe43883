"""Pieces that self-supervised methods share."""
