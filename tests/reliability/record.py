"""Keeps what a reliability run found, one file a topic under assets/results/reliability.

A record says what was tried, how often, and what was lost or let through; the README's table is made from them.
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core import device, paths

FOLDER = paths.SHIPPED / "reliability"


def row(what: str, tried: int, wrong: int, told: str = "") -> dict[str, Any]:
    """One line of the table: what was done, how many times, and how many of these ended as they must not."""
    return {"what": what, "tried": tried, "wrong": wrong, "told": told}


def keep(topic: str, title: str, rows: Sequence[dict[str, Any]], **figures: Any) -> Path:
    """Write a topic's record and print it; returns the file."""
    record = {
        "title": title,
        "command": f"python tests/reliability/{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}".strip(),
        "date": time.strftime("%Y-%m-%d"),
        "hardware": device.describe(),
        "rows": list(rows),
        **figures,
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{topic}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(path.read_text(), end="")
    return path
