"""Public data sets: one file reads each publisher's format into one layout."""
