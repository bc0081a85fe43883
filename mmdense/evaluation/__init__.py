"""Evaluation of frozen features (k-NN, linear probe) and of proposals (recall)."""
