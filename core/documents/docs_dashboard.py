"""How fast the dashboard is, as a table for the README; `tests/benchmarks/dashboard.py` measures it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import paths

FOLDER = paths.SHIPPED / "bench" / "dashboard"
COMMAND = "`python tests/benchmarks/dashboard.py --run RUN`"


def dashboard(folder: Path = FOLDER) -> list[str]:
    """A table of every measured case, the largest first; nothing where none was measured."""
    told = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    lines: list[str] = []
    for record in sorted(told, key=lambda r: -r["images"]):
        lines += [*_table(record), ""]
    return lines[:-1] or ["Not measured yet."]


def _table(told: dict[str, Any]) -> Iterator[str]:
    yield f"**{told['images']:,} × {told['copies']} changes** ({told['case']}):"
    yield ""
    yield "| | median | 95 % | n | wanted |"
    yield "|---|---|---|---|---|"
    frame = told["drag_frame"]["main_thread_ms"]
    yield _row("a frame of the drag: work of the browser", frame, "≤ 16 ms")
    for name, times in told["gestures"].items():
        yield _row(f"{name}: figures changed", times["figures_ms"], "≤ 200, 95 % ≤ 300 ms")
    crowd = told["people"]
    yield _row(
        f"{crowd['people']} people at once, each their own threshold", crowd["figures_ms"], "no mix-up"
    )
    yield ""
    yield (
        f"First page of a fresh server: heading after {told['first_content_cold_s']} s, figures after "
        f"{told['figures_cold_s']} s (wanted ≤ 3 s); a later visitor {told['first_content_warm_s']} and "
        f"{told['figures_warm_s']} s. Wrong figures among the people at once: {crowd['wrong_figures']} of "
        f"{crowd['figures_ms']['n']}. Page process: {told['memory_after_every_page_mb']:.0f} MB after every page, "
        f"{told['memory_after_all_mb']:.0f} MB after all of it (wanted < 400), heavy libraries in it: "
        f"{', '.join(told['libraries_loaded']) or 'none'}. Websocket messages while dragging: "
        f"{told['drag_frame']['websocket_frames']}. {told['hardware']}, the browser on the same cores, Chromium "
        f"{told['chromium']}, {told['date']}; {COMMAND}."
    )


def _row(name: str, times: dict[str, float], wanted: str) -> str:
    return f"| {name} | {times['p50']:.0f} ms | {times['p95']:.0f} ms | {times['n']} | {wanted} |"
