"""Random views of a batch of images, and the preprocessors that make them."""
