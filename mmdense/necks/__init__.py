"""Necks that the hosts do not have: from the maps of a backbone to the levels of a detector."""
