"""Waits for the lock of an open file, for a while."""

import fcntl
import time


def taken(descriptor: int, deadline: float) -> bool:
    """Lock an open file for this process alone; False when another had it until `deadline`, in monotonic seconds."""
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
