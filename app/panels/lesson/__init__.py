"""The steps of the guided case."""
