"""How fast is the dashboard under somebody's hands? Measured in Chromium against the real server.

    python tests/benchmarks/dashboard.py --run RUN [--store DIR] [--moves 60] [--people 10] [--out FILE.json]

Gestures are timed in the browser's own clock, from the event that ends them until the figures of the page show the
new state (`figures_ms`) and until the page has finished its run (`finished_ms`). A key's time includes the pause of
150 ms in which the component waits for further keys.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from crowd import crowd
from gestures import GESTURES, drag_frames, timed
from playwright.sync_api import Browser, sync_playwright
from served import Server, at_rest, chromium, running_server

from core import cases, collapse, device, runs
from core.cases import Case

PAGES = (
    "",
    "review",
    "attack",
    "unlearn",
    "report",
    "set_up",
    "guided",
    "sandbox",
    "method",
    "studies",
    "jobs",
    "settings",
)
FIGURE = "[data-testid=stMetric]:has-text('Flagged')"


def main() -> None:
    """Measure and print one JSON object."""
    chosen = arguments()
    store = runs.open_store(chosen.store)
    case = cases.find(chosen.run, store)
    if case is None or case.unfinished:
        sys.exit(f"run {chosen.run!r}: expected a finished run of {store.root} or a bundled one")
    told = about(case) | measured(case, store.root, chosen)
    text = json.dumps(told, indent=1)
    print(text)
    if chosen.out:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(text + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="id of a finished run")
    parser.add_argument("--store", type=Path, help="folder of results; without it the usual one")
    parser.add_argument("--moves", type=int, default=60, help="gestures of each kind")
    parser.add_argument("--people", type=int, default=10, help="how many tune at once")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    return parser.parse_args()


def about(case: Case) -> dict[str, Any]:
    """What was measured, where and when."""
    with device.use("cpu"):
        hardware = device.describe()
    return {
        "what": "milliseconds from the end of a gesture to the new figures on screen",
        "case": case.run.title,
        "run": case.id,
        "images": len(case.plan.dataset.value.train),
        "copies": len(case.plan.scores.value.rows(0)),
        "hardware": hardware,
        "load": os.getloadavg(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def measured(case: Case, root: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Everything, in one run of one server."""
    place = f"/investigate?case={case.id}&rule=delta"
    with running_server(root) as server:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(**chromium())
            told = {"chromium": browser.version, "server_start_s": server.seconds}
            told |= first_content(browser, server, place) | tuned(
                browser, server.address + place, chosen.moves
            )
            visit_all(browser, server, case)
            browser.close()
        told["memory_after_every_page_mb"] = server.memory_mb()
        statistic = np.sort(
            collapse.order_statistic(collapse.sorted_changes(case.plan.scores.value.delta(0)), 0)
        )
        told["people"] = crowd(server.address + place, statistic, chosen.people, max(3, chosen.moves // 6))
        return told | {"memory_after_all_mb": server.memory_mb(), "libraries_loaded": server.libraries()}


def first_content(browser: Browser, server: Server, place: str) -> dict[str, float]:
    """Seconds from the address to the figures: the very first page of a server, and a later visitor's."""
    told = {}
    for name in ("first_content_cold_s", "first_content_warm_s"):
        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        began = time.perf_counter()
        page.goto(server.address + place)
        page.get_by_role("heading", level=1).first.wait_for(timeout=120_000)
        told[name] = round(time.perf_counter() - began, 2)
        page.locator(FIGURE).first.wait_for(timeout=120_000)
        told[name.replace("first_content", "figures")] = round(time.perf_counter() - began, 2)
        page.context.close()
    return told


def tuned(browser: Browser, url: str, moves: int) -> dict[str, Any]:
    """Every gesture, and the frames of a drag."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    page.goto(url)
    page.locator(FIGURE).first.wait_for(timeout=120_000)
    page.get_by_role("slider", name="Threshold").scroll_into_view_if_needed()
    at_rest(page)
    told = {"drag_frame": drag_frames(page, moves)}
    told["gestures"] = {gesture.name: timed(page, gesture, moves) for gesture in GESTURES}
    page.close()
    return told


def visit_all(browser: Browser, server: Server, case: Case) -> None:
    """Open every page once, so that whatever it loads is loaded."""
    page = browser.new_page()
    for name in PAGES:
        page.goto(f"{server.address}/{name}?case={case.id}")
        at_rest(page)
    page.close()


if __name__ == "__main__":
    main()
