"""Whether a representation collapses, and why: centre and residual, spectra, a verdict."""
