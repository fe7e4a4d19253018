"""Somebody who should not get in, for tests and for the command `access.py`."""
