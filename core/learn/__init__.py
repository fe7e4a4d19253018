"""The sandbox and the guided case, in numbers."""
