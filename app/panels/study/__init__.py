"""The parts of the page about the papers' tables."""
