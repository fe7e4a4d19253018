"""Classifier architectures, one file each."""
