"""Starts the dashboard by the README's command, and watches what a real Chromium makes of it."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from core import jobs
from core.jobs.process import kill_group

sync_api = pytest.importorskip("playwright.sync_api")
expect = sync_api.expect
expect.set_options(timeout=20_000)  # a machine busy with other tests answers late, and is right nevertheless

ROOT = Path(__file__).parents[2]
WIDE, PHONE = {"width": 1440, "height": 1000}, {"width": 390, "height": 844}
PAGES = [
    "",
    "set_up",
    "investigate",
    "review",
    "unlearn",
    "report",
    "attack",
    "image",
    "guided",
    "sandbox",
    "challenge",
    "method",
    "guide",
    "studies",
    "jobs",
    "settings",
]
"""Every page by its address; the first is the list of cases."""
HARMLESS = {
    # A page other than the first asks for these two below its own name once before it finds the server.
    r"/\w+/_stcore/(health|host-config)$": "404 while Streamlit finds out where its server is",
}


@contextmanager
def dashboard(store: Path, folder: Path, script: str, port: int = 0) -> Iterator[SimpleNamespace]:
    """`streamlit run SCRIPT` as a user types it in `folder`; ended with its whole process group."""
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind(("127.0.0.1", port))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).with_name("streamlit")), "run", script, "--server.port", str(port)]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    log = store.parent / f"server on {port}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=surroundings | {"INFLUENCE_STORE": str(store)},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        wait_for_health(port, process, log)
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", port=port, log=log, store=store)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=20)


def wait_for_health(port: int, process: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        try:
            if get(port, "/_stcore/health") == 200:
                return
        except OSError:
            assert process.poll() is None, log.read_text()
        time.sleep(0.25)
    raise AssertionError(log.read_text())


def get(port: int, path: str, host: str = "127.0.0.1") -> int:
    """The status of an answer."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("GET", path, headers={"Host": host})
        return connection.getresponse().status


def listening(port: int) -> set[str]:
    """Addresses, in the kernel's notation, on which someone listens on this port."""
    lines = [
        line for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    local = [line.split()[1].rpartition(":") for line in lines if line.split()[3] == "0A"]
    return {address for address, _, number in local if int(number, 16) == port}


def end_jobs(store: Path) -> None:
    """End what outlives the server by design: the supervisor of this store and its workers."""
    for job in jobs.table(store).list():
        if job.worker:
            kill_group(job.worker)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "core.jobs.supervisor" in words and f"--store={store.resolve()}" in words:
            os.kill(int(folder.name), signal.SIGTERM)


def watch(page: sync_api.Page, home: str, troubles: list[str]) -> None:
    """Note every console error, every exception and every request that leaves this machine."""

    def on_console(message: sync_api.ConsoleMessage) -> None:
        place = message.location.get("url", "")
        if message.type == "error" and not any(re.search(known, place) for known in HARMLESS):
            troubles.append(f"console: {message.text} at {place}")

    def on_request(sent: sync_api.Request) -> None:
        own = (home, home.replace("http", "ws", 1), "data:", f"blob:{home}")
        if not sent.url.startswith(own):
            troubles.append(f"request to {sent.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: troubles.append(f"exception: {error}"))
    page.on("request", on_request)
    page.on("websocket", lambda opened: opened.url.startswith("ws" + home[4:]) or troubles.append(opened.url))


def press_at_once(page: sync_api.Page, *keys: str) -> None:
    """Keys so fast that nothing else comes in between, on whatever has the focus: `j`, `Shift+ArrowRight`."""
    page.evaluate(
        """(keys) => {
            for (const name of keys) {
                let focused = document.activeElement
                while (focused.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement
                const shiftKey = name.startsWith("Shift+"), key = name.replace("Shift+", "")
                focused.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, composed: true }))
            }
        }""",
        list(keys),
    )


def settled(page: sync_api.Page) -> None:
    """Wait until the page has run to its end."""
    app = page.locator("[data-testid=stApp]")
    expect(app).to_have_attribute("data-test-connection-state", "CONNECTED", timeout=30_000)
    expect(app).not_to_have_attribute("data-test-script-state", "running", timeout=30_000)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
