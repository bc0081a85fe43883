"""Public data sets: one file per data set converts the published formats to one layout."""
