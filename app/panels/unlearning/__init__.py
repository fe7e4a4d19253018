"""The parts of the page about unlearning."""
