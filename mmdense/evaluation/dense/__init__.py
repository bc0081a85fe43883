"""Evaluation of the patch features of a frozen backbone; :mod:`.protocols` lists the protocols."""
