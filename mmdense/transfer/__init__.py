"""Carrying weights from one model to another without losing a key."""
