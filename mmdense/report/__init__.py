"""One page for people: what a run, a pipeline or a study did, in a file that needs nothing else."""
