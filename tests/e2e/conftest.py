"""A browser, a dashboard with the tiny investigation, and pages in which nothing may go wrong."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from e2e.driving import ROOT, WIDE, dashboard, end_jobs, settled, sync_api, watch

from core import runs
from core.store import Store

TITLE = "The tiny case of the tests"


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists():
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"{path}: no Chromium; install the package chromium or set CHROMIUM to a browser's path")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def listed(tiny, tiny_root, tmp_path_factory) -> SimpleNamespace:
    """A store with the tiny investigation, finished, under a title of its own."""
    root = tmp_path_factory.mktemp("open path") / "store"
    shutil.copytree(tiny_root, root, ignore=shutil.ignore_patterns("fit_factors", "locks", "runs"))
    run = runs.record(tiny.experiment.model_copy(update={"title": TITLE}), Store(root))
    return SimpleNamespace(root=root, id=run.id)


@pytest.fixture(scope="module")
def server(listed) -> Iterator[SimpleNamespace]:
    with dashboard(listed.root, ROOT, "app/main.py") as running:
        yield running
        end_jobs(listed.root)


@pytest.fixture
def open_page(chromium, server, request):
    """Opens pages that are watched; at the end nothing may have gone wrong in any of them."""
    contexts, troubles = [], []

    def opened(path: str = "/", viewport: dict = WIDE, scheme: str = "light") -> sync_api.Page:
        context = chromium.new_context(
            viewport=viewport, color_scheme=scheme, reduced_motion="reduce", accept_downloads=True
        )
        contexts.append(context)
        page = context.new_page()
        watch(page, server.url, troubles)
        page.goto(path if path.startswith("http") else server.url + path)
        settled(page)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []
