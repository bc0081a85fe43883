"""HTML report on a run, a pipeline or a study, in one file that works offline."""
