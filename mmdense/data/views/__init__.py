"""Random views of a batch of images, and the data preprocessor that makes them."""
