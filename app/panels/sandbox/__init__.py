"""The parts of the sandbox."""
