"""The evidence, a tab a file."""
