"""One run: launch, training loops, hooks, optimizer wrappers, resume."""
