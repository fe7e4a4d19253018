"""Unlearners: remove the effect of flagged training images from a model, one file each."""
