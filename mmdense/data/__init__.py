"""Data sets and views: what a pipeline reads, in one layout whatever the publisher's format."""
