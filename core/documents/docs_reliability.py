"""What was tried to break the tool and how it ended; the commands in tests/reliability measure it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import paths

FOLDER = paths.SHIPPED / "reliability"
Record = dict[str, Any]


def records(folder: Path = FOLDER) -> list[Record]:
    """What every topic's command found, by name of the topic."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def summary(told: list[Record]) -> list[str]:
    """A line a topic: how much was tried, and how much of it ended as it must not."""
    lines = ["| | tried | ended wrong |", "|---|---|---|"]
    for record in told:
        lines.append(f"| {record['title']} | {_sum(record, 'tried'):,} | {_sum(record, 'wrong'):,} |")
    dates = sorted({record["date"] for record in told})
    hardware = " and ".join(sorted({record["hardware"] for record in told}))
    about = f"{hardware}, {' to '.join(dict.fromkeys((dates[0], dates[-1])))}" if told else "Not measured yet"
    return [*lines, "", f"{about}."]


def details(told: list[Record]) -> list[str]:
    """A table a topic with every fault that was tried."""
    lines: list[str] = []
    for record in told:
        lines += [*_table(record), ""]
    return lines[:-1] or ["Not measured yet."]


def _sum(record: Record, what: str) -> int:
    return sum(row[what] for row in record["rows"])


def _table(record: Record) -> Iterator[str]:
    yield f"## {record['title']}"
    yield ""
    yield "| what was tried | n | ended wrong | |"
    yield "|---|---|---|---|"
    for row in record["rows"]:
        yield f"| {row['what']} | {row['tried']:,} | {row['wrong']:,} | {row['told']} |"
    yield ""
    yield f"`{record['command']}` · {record['date']} · {record['hardware']}."
