"""Blind challenges: renumbered cases, commitments and scores."""
