"""WebDataset shards: writing, index, reading, sampling."""
