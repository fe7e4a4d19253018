"""The page of jobs: what waits, what runs and how far it is, how it ended, and what can be done about it."""
