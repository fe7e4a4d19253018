"""The form for a model of one's own."""
