"""Transformations of a test image, one file each."""
