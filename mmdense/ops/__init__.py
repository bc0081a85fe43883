"""Operators of dense prediction in plain PyTorch, without compiled code."""
