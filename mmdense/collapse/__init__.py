"""Detection of collapse: centre and residual, spectra, verdict."""
