"""Parts of the README that are generated."""
