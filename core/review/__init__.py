"""People judge: verdicts, the final set, agreement, and the order in which images are judged."""
