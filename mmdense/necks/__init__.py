"""Necks that MMDetection does not have."""
