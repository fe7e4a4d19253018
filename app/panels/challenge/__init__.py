"""The parts of blind challenges."""
