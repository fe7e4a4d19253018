"""How long after a threshold gesture is the new count on screen? Measured in Chromium against the real server.

    python tests/benchmarks/threshold_latency.py --run RUN [--store DIR] [--moves 60] [--out FILE.json]

Times run in the browser's own clock, from the end of the gesture (pointer released, key released) until the
figures of the page show the new set (`figures_ms`) and until the page has finished its run (`finished_ms`).
A key's time includes the pause of 150 ms in which the component waits for further keys.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Page, sync_playwright

from core import cases, device, runs

ROOT = Path(__file__).parents[2]
WATCH = """
() => {
  const metric = (name) => [...document.querySelectorAll("[data-testid=stMetric]")]
    .find((box) => box.innerText.startsWith(name))?.querySelector("[data-testid=stMetricValue]")?.innerText
  const running = () => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "running"
  window.watchGesture = (event) => {
    const before = metric("Flagged")
    window.gesture = new Promise((done, failed) => {
      addEventListener(event, () => {
        const start = performance.now()
        let figures = null
        const look = () => {
          if (figures === null && metric("Flagged") !== before) figures = performance.now() - start
          if (figures !== null && !running()) return done({ figures, finished: performance.now() - start })
          if (performance.now() - start > 20000) return failed(new Error("the figures did not change"))
          requestAnimationFrame(look)
        }
        requestAnimationFrame(look)
      }, { once: true, capture: true })
    })
  }
}
"""


def main() -> None:
    """Measure and print one JSON object."""
    chosen = arguments()
    store = runs.open_store(chosen.store)
    case = cases.find(chosen.run, store)
    if case is None or case.unfinished:
        sys.exit(f"run {chosen.run!r}: expected a finished run of {store.root} or a bundled one")
    with running_server(store.root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
        )
        measured = measure(browser, f"{address}/investigate?case={case.id}&rule=delta", chosen.moves)
        version = browser.version
        browser.close()
    told = {
        "what": "milliseconds from the end of a gesture to the new figures on screen",
        "case": case.run.title,
        "run": case.id,
        "images": len(case.plan.dataset.value.train),
        "copies": len(case.plan.scores.value.rows(0)),
        "gestures": measured,
        "hardware": cpu(),
        "load": os.getloadavg(),
        "chromium": version,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
    text = json.dumps(told, indent=1)
    print(text)
    if chosen.out:
        chosen.out.write_text(text + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", required=True, help="id of a finished run")
    parser.add_argument("--store", type=Path, help="folder of results; without it the usual one")
    parser.add_argument("--moves", type=int, default=60, help="moves of each kind")
    parser.add_argument("--out", type=Path, help="also write the JSON here")
    return parser.parse_args()


def cpu() -> str:
    with device.use("cpu"):
        return device.describe()


@contextmanager
def running_server(store: Path) -> Iterator[str]:
    """The dashboard's own server on a free port, ended with everything it started."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("streamlit")), "run", "app/main.py"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [*command, "--server.port", str(port)],
            cwd=ROOT,
            env=os.environ | {"INFLUENCE_STORE": str(store)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                sys.exit(f"the server ended with status {process.returncode}")
            time.sleep(0.25)
    sys.exit("the server did not answer within a minute")


def measure(browser: Browser, url: str, moves: int) -> dict[str, Any]:
    """Distribution of the times of both gestures, after a few that do not count."""
    page = browser.new_page(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    page.goto(url)
    page.locator("[data-testid=stMetricValue]").first.wait_for(timeout=120_000)
    handle = page.get_by_role("slider", name="Threshold")
    handle.scroll_into_view_if_needed()
    page.evaluate(WATCH)
    random.seed(0)
    gestures: dict[str, Callable[[Page, int], None]] = {"drag": drag, "keyboard": press}
    found = {}
    for name, gesture in gestures.items():
        event = "pointerup" if name == "drag" else "keyup"
        times = [one(page, event, gesture, number) for number in range(-3, moves)][3:]
        found[name] = {
            "figures_ms": spread([t["figures"] for t in times]),
            "finished_ms": spread([t["finished"] for t in times]),
        }
    page.close()
    return found


def one(page: Page, event: str, gesture: Callable[[Page, int], None], number: int) -> dict[str, float]:
    """One gesture on a page at rest."""
    page.wait_for_selector("[data-testid=stApp]:not([data-test-script-state=running])")
    page.evaluate("(event) => watchGesture(event)", event)
    gesture(page, number)
    return page.evaluate("() => window.gesture")


def drag(page: Page, number: int) -> None:
    """Drag the line to a place where another number of images is flagged, and let go."""
    line = page.get_by_role("slider", name="Threshold").bounding_box()
    plot = page.locator(".plot").bounding_box()
    y = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, y)
    before = count(page)
    page.mouse.down()
    for _ in range(50):
        page.mouse.move(plot["x"] + plot["width"] * random.uniform(0.15, 0.85), y, steps=4)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if count(page) != before:
            break
    page.mouse.up()


def press(page: Page, number: int) -> None:
    """One image more, then one less."""
    page.get_by_role("slider", name="Threshold").press("ArrowLeft" if number % 2 else "ArrowRight")


def count(page: Page) -> str:
    """What the component itself counts while the line moves."""
    return page.locator(".threshold .count strong").inner_text()


def spread(values: list[float]) -> dict[str, float]:
    middle, high = np.percentile(values, [50, 95])
    return {
        "n": len(values),
        "p50": round(float(middle), 1),
        "p95": round(float(high), 1),
        "max": round(max(values), 1),
    }


if __name__ == "__main__":
    main()
