"""Attacks that alter a training set, one file each."""
