"""The parts of the review, and verdicts wherever an image is shown."""
