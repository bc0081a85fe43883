"""What frozen features are worth: k-NN and linear probe."""
