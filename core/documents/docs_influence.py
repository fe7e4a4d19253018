"""The README's part on the influence engine, from its result files."""

from pathlib import Path

from core.bench_influence import table


def influence(folder: Path = table.FOLDER) -> list[str]:
    """One table per device and size; says so where nothing has been measured."""
    found = table.records(folder)
    if not found:
        return ["Nothing has been measured yet."]
    lines: list[str] = []
    for record in found:
        lines += [*table.lines(record, brief=True), ""]
    return [*lines, "What the flags are worth, engine by engine: `assets/results/bench/influence-*.json`."]
