"""Hostile input: a written corpus and fuzzing of every parser, each judged in a process of its own.

`corpus/` holds the inputs by kind, `doors.py` the places where they come in, `warden.py` tries each in a child process
with limits, `properties.py` makes up more. assets/guide/security.md lists what enters where.
"""
