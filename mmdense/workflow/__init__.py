"""Several runs: stages, pipelines, studies and downstream suites."""
