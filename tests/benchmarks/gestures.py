"""Gestures of somebody who tunes, each timed in the browser's own clock until the text that it concerns has changed."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page
from served import at_rest, spread

WATCH = """
([event, probe]) => {
  const look = new Function("return (" + probe + ")")
  const running = () => document.querySelector("[data-testid=stApp]").dataset.testScriptState === "running"
  const before = look()
  window.gesture = new Promise((done, failed) => {
    addEventListener(event, () => {
      const start = performance.now()
      let figures = null
      const wait = () => {
        const now = performance.now() - start
        if (figures === null && look() !== undefined && look() !== before) figures = now
        if (figures !== null && !running()) return done({ figures, finished: now })
        if (now > 20000) return failed(new Error("nothing changed"))
        requestAnimationFrame(wait)
      }
      requestAnimationFrame(wait)
    }, { once: true, capture: true })
  })
}
"""
FLAGGED = """[...document.querySelectorAll("[data-testid=stMetric]")].find((box) => box.innerText.startsWith("Flagged"))
?.querySelector("[data-testid=stMetricValue]")?.innerText""".replace("\n", "")
INSPECTED = "document.querySelector('input[aria-label=\"Training image\"]')?.value"
CAPTION = "document.querySelector('.st-key-evidence')?.innerText?.slice(0, 400)"


@dataclass(frozen=True)
class Gesture:
    """What is done, the event that ends it, and where its effect is read."""

    name: str
    event: str
    probe: str
    act: Callable[[Page, int], None]


def drag(page: Page, number: int) -> None:
    """Drag the line to a place where another number of images is flagged, and let go."""
    line = page.get_by_role("slider", name="Threshold").bounding_box()
    plot = page.locator(".plot").bounding_box()
    assert line and plot
    y = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, y)
    before = counted(page)
    page.mouse.down()
    for _ in range(50):
        page.mouse.move(plot["x"] + plot["width"] * random.uniform(0.15, 0.85), y, steps=4)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if counted(page) != before:
            break
    page.mouse.up()


def press(page: Page, number: int) -> None:
    """One image more, then one less."""
    page.get_by_role("slider", name="Threshold").press("ArrowLeft" if number % 2 else "ArrowRight")


def tolerate(page: Page, number: int) -> None:
    """Tolerance one up, then one down."""
    slider = page.locator(".st-key-view_tolerance").get_by_role("slider")
    slider.press("ArrowRight" if number % 2 else "ArrowLeft")


def pick(page: Page, number: int) -> None:
    """Another training image of the gallery."""
    cards = page.get_by_role("listbox", name="training images").get_by_role("option")
    cards.nth((number + 4) % min(20, cards.count())).click()


GESTURES = (
    Gesture("threshold, dragged and let go", "pointerup", FLAGGED, drag),
    Gesture("threshold, by key", "keyup", FLAGGED, press),
    Gesture("tolerance, by key", "keyup", FLAGGED, tolerate),
    Gesture("training image, picked", "click", INSPECTED, pick),
)


def timed(page: Page, gesture: Gesture, moves: int) -> dict[str, Any]:
    """Distribution of the times of a gesture, after a few that do not count."""
    random.seed(0)
    times = [_one(page, gesture, number) for number in range(-3, moves)][3:]
    return {
        "figures_ms": spread([t["figures"] for t in times]),
        "finished_ms": spread([t["finished"] for t in times]),
    }


def _one(page: Page, gesture: Gesture, number: int) -> dict[str, float]:
    """One gesture on a page at rest."""
    at_rest(page)
    page.evaluate(WATCH, [gesture.event, gesture.probe])
    gesture.act(page, number)
    return page.evaluate("() => window.gesture")


def counted(page: Page) -> str:
    """What the component itself counts while the line moves."""
    return page.locator(".threshold .count strong").inner_text()


def drag_frames(page: Page, moves: int) -> dict[str, Any]:
    """Work of the main thread for each movement of the line, and what crosses the websocket meanwhile."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    sent: list[Any] = []
    page.on("websocket", lambda ws: ws.on("framesent", lambda f: sent.append(f)))
    line = page.get_by_role("slider", name="Threshold").bounding_box()
    plot = page.locator(".plot").bounding_box()
    assert line and plot
    y = line["y"] + line["height"] / 2
    page.mouse.move(line["x"] + line["width"] / 2, y)
    page.mouse.down()
    times = []
    for number in range(moves):
        before = _busy(session)
        page.mouse.move(plot["x"] + plot["width"] * (0.2 + 0.6 * number / moves), y)
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        times.append((_busy(session) - before) * 1000)
    page.mouse.up()
    at_rest(page)
    session.detach()
    return {"main_thread_ms": spread(times), "websocket_frames": len(sent)}


def _busy(session: Any) -> float:
    """Seconds that the main thread has worked so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(m["value"] for m in metrics if m["name"] == "TaskDuration")
