"""How a run is set up: the machine's cores, mixed precision, memory layout, the pipeline."""
