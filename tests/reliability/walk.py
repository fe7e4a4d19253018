"""Walks over all pages of the dashboard in a real Chromium, pressing whatever there is, at any speed.

    python tests/reliability/walk.py [--minutes 15] [--seed 0]

Counts the gestures, the pages that were not drawn to their end or showed an exception, the errors in the browser's console,
and the addresses that show other figures in a browser that has never been there. The store is an empty one.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]

from e2e.driving import ROOT, WIDE, dashboard, end_jobs, settled, sync_api, watch  # noqa: E402
from e2e.walking import Walk  # noqa: E402
from record import keep, row  # noqa: E402

from core import cases, runs  # noqa: E402


def main() -> None:
    """Walk, and keep the record. Exit status 1 when anything was wrong."""
    chosen = arguments()
    with tempfile.TemporaryDirectory() as folder, sync_api.sync_playwright() as playwright:
        store = Path(folder) / "store"
        case = cases.all_cases(runs.open_store(store))[-1].id
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        with dashboard(store, ROOT, "app/main.py") as server:
            walk, troubles = walked(browser, server.url, case, chosen)
            end_jobs(store)
        browser.close()
    keep(
        "walk",
        f"a walk over all pages at any speed, {chosen.minutes:g} minutes",
        [
            row("gestures", walk.gestures, 0),
            row("pages looked at afterwards, and their addresses in another browser", walk.rests, len(walk.wrong)),
            row("errors in the browser's console, and requests that left the machine", walk.gestures, len(troubles)),
        ],
        wrong=walk.wrong[:20],
        troubles=troubles[:20],
    )  # fmt: skip
    sys.exit(bool(walk.wrong or troubles))


def walked(
    browser: sync_api.Browser, home: str, case: str, chosen: argparse.Namespace
) -> tuple[Walk, list[str]]:
    """The walk when its time is over, and what the browser complained of meanwhile."""
    page, troubles = browser.new_page(viewport=WIDE, reduced_motion="reduce"), []
    watch(page, home, troubles)
    page.goto(f"{home}/investigate?v=1&case={case}&rule=delta")
    settled(page)
    walk = Walk(browser, page, home, case, random.Random(chosen.seed))
    end = time.monotonic() + 60 * chosen.minutes
    while time.monotonic() < end:
        walk.bout()
    return walk, troubles


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--seed", type=int, default=0, help="another one is another walk")
    return parser.parse_args()


if __name__ == "__main__":
    main()
