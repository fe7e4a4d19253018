"""Detectors of poisoned training images, one file each."""
