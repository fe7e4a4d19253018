"""The command line, by topic."""
