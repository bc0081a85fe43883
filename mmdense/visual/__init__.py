"""Images of the inputs, features, attention maps and proposals of a model."""
