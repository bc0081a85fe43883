"""Operators of dense prediction in plain torch: nothing here is compiled."""
