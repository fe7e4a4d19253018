"""What may stand in an address: the name of every field, its length, shape and choices. All else is refused."""

import re
from typing import Any

from core.learn import sandbox_scene
from core.picks import Pick

LONGEST = {"without": 400, "measure": 1000, "chosen": 400, "after": 200, "points": sandbox_scene.LONGEST}
MOST_CHOSEN = 60
SHAPES = {
    "chosen": r"([0-9]{1,7}(\.[0-9]{1,7}){0,59})?",
    "without": r"([a-z_]{1,30}(\.[a-z_]{1,30}){0,20})?",
    "points": sandbox_scene.SHAPE,
}
LARGEST = 3.4e38
"""Thresholds are compared in float32."""
NUMBER, LARGEST_WHOLE = re.compile(r"[-+.0-9eE]{1,64}"), 10**9
LEAST = {"image": -1, "pinned": -1, "label": -1, "page": 1, "lesson": 1}
"""Of whole numbers; 0 for all others."""
CHOICES = {
    "truth": ("show", "hide"),
    "rule": ("contrast", "delta", "relative"),
    "using": ("all", "one"),
    "look": ("stored", "clean", "change"),
    "sort": ("suspect", "unsure", "label", "number"),
    "scale": ("linear", "log"),
    "factor": ("auto", "1", "4", "16"),
}
PARAMETERS = {
    "query": "q",
    "threshold": "th",
    "margin": "m",
    "tolerance": "tol",
    "image": "i",
    "poison": "p",
    "trigger": "t",
    "pinned": "pin",
    "chosen": "set",
    "label": "cls",
    "without": "wo",
    "points": "pts",
}


def converted(name: str, text: str, kind: type) -> Any:
    """The value of a field, whatever somebody wrote; raises ValueError for one that it cannot have."""
    if kind is not str and not NUMBER.fullmatch(text):
        raise ValueError
    value = Pick.parse(text).text if name == "pick" else kind(text[: LONGEST.get(name, 64)])
    if kind is int and not LEAST.get(name, 0) <= value <= LARGEST_WHOLE:
        raise ValueError
    if name in SHAPES and not re.fullmatch(SHAPES[name], value):
        raise ValueError
    too_large = isinstance(value, float) and not abs(value) <= LARGEST  # so is NaN
    if too_large or value not in CHOICES.get(name, (value,)):
        raise ValueError
    return value
