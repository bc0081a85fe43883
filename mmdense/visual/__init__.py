"""Images of what a model is fed and what it sees: features, attention, boxes."""
