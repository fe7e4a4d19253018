"""Keeps what was made last, for all sessions of this server, and makes each thing once however many ask for it.

Whoever asks for something else goes on meanwhile: a case that loads slowly stalls nobody but those who want it.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class _Making:
    """Something that is being made, and how many wait for it."""

    lock: Lock = field(default_factory=Lock)
    waiting: int = 0


_lock = Lock()
_made: dict[tuple[int, Any], _Making] = {}


def remembered(kept: OrderedDict, key: Any, make: Callable[[], Any], most: int = 8) -> Any:
    """What `make` gives, made once for a key while it is among the `most` asked for last; None is not kept."""
    name = (id(kept), key)
    with _lock:
        if key in kept:
            kept.move_to_end(key)
            return kept[key]
        making = _made.setdefault(name, _Making())
        making.waiting += 1
    try:
        with making.lock:
            with _lock:
                if key in kept:
                    return kept[key]
            return _put(kept, key, make(), most)
    finally:
        with _lock:
            making.waiting -= 1
            if not making.waiting:
                del _made[name]


def forget(kept: OrderedDict, which: Callable[[Any], bool]) -> None:
    """Let go of every key for which this is true."""
    with _lock:
        for key in [key for key in kept if which(key)]:
            del kept[key]


def _put(kept: OrderedDict, key: Any, value: Any, most: int) -> Any:
    if value is not None:
        with _lock:
            kept[key] = value
            while len(kept) > most:
                kept.popitem(last=False)
    return value
