"""Measures the influence engine beside kronfluence: seconds, memory, passes over the data, and agreement."""
