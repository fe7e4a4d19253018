"""Many people at once on one server: each tunes a threshold of their own, and has to see their own figures."""

import asyncio
import random
import time
from typing import Any

import numpy as np
from playwright.async_api import Browser, Page, async_playwright
from served import chromium, spread

FIGURE = "[data-testid=stMetric]:has-text('Flagged') [data-testid=stMetricValue]"


async def _person(
    browser: Browser, url: str, statistic: np.ndarray, *, number: int, moves: int
) -> dict[str, Any]:
    """One person: opens the case at a threshold of their own, then goes to others by link, as fast as it answers."""
    stream, times, wrong = random.Random(number), [], 0
    context = await browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(url)
    await _shown(page)
    for _ in range(moves):
        slider = page.locator(".threshold input").first
        wanted = float(np.float32(statistic[stream.randrange(1, len(statistic) // 10)]))
        expected = f"{int((statistic < np.float32(wanted)).sum()):,}"
        began = time.perf_counter()
        await slider.fill(f"{wanted:.9g}")
        await slider.press("Enter")
        try:
            await page.wait_for_function(
                "([selector, wanted]) => document.querySelector(selector)?.innerText === wanted",
                arg=["[data-testid=stMetricValue]", expected],
                timeout=20_000,
            )
        except Exception:
            wrong += 1
        times.append((time.perf_counter() - began) * 1000)
    await context.close()
    return {"times": times, "wrong": wrong}


async def _shown(page: Page) -> None:
    await page.locator(FIGURE).first.wait_for(timeout=120_000)


async def _all(url: str, statistic: np.ndarray, people: int, moves: int) -> list[dict[str, Any]]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(**chromium())
        found = await asyncio.gather(
            *(_person(browser, url, statistic, number=i, moves=moves) for i in range(people))
        )
        await browser.close()
        return found


def crowd(url: str, statistic: np.ndarray, people: int, moves: int) -> dict[str, Any]:
    """Times until everybody sees the count of their own threshold, and how often somebody never did."""
    found = asyncio.run(_all(url, statistic, people, moves))
    return {
        "people": people,
        "figures_ms": spread([t for person in found for t in person["times"]]),
        "wrong_figures": sum(person["wrong"] for person in found),
    }
