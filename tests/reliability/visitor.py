"""One browser tab without a browser: speaks Streamlit's websocket protocol as its page does.

Twenty real tabs on a small machine would measure the browsers. What the tab shows is kept by a `screen.Screen`.
"""

import asyncio
import http.client
import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from urllib3 import encode_multipart_formdata
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 60.0
"""Seconds until a page that has not finished counts as locked up."""
REDRAWN = 5.0
"""Seconds for which a picture may be missing while the page is drawn anew."""
PICTURES = 2000
"""Pictures that a tab keeps."""


class Failed(Exception):
    """The page showed an error, ended the connection, or never finished."""


class Visitor:
    """A tab: open a place, then act on what is shown. Every action waits for the page and returns its seconds."""

    def __init__(self, address: str, screen: Any) -> None:
        self.host, self.screen, self.name = urlsplit(address).netloc, screen, ""
        self.received = 0
        """Bytes."""
        self._had: OrderedDict[str, None] = OrderedDict()
        self._line: http.client.HTTPConnection | None = None
        self._cookie, self._lost, self._serial = "", "", 0
        self.asked: deque[str] = deque(maxlen=5)
        self._news, self._tasks = asyncio.Event(), list[asyncio.Task]()

    async def open(self, place: str) -> float:
        """Go to an address of the dashboard in this new tab."""
        parts, began = urlsplit(place), time.perf_counter()
        self.screen.query, self.name = parts.query, parts.path.strip("/")
        await asyncio.to_thread(self._request, "GET", "/_stcore/health")
        await self._connect()
        await self.rerun()
        return time.perf_counter() - began

    async def reconnect(self) -> float:
        """As a tab does whose connection broke: the same session, and the page again."""
        await self._leave()
        await self._connect()
        return await self.rerun()

    async def close(self, torn: bool = False) -> None:
        """Close the tab; torn, it vanishes without a word."""
        if torn and self._tasks:
            self._socket.transport.abort()
        await self._leave()
        if self._line:
            self._line.close()

    async def rerun(self, fragment: str = "") -> float:
        """Run the page, or one fragment of it, with the widgets as they are. Raises Failed."""
        began, screen = time.perf_counter(), self.screen
        before, before_part = screen.ended, screen.ended_parts[fragment]
        await self._ask(fragment)
        await self._until(lambda: screen.ended > before or screen.ended_parts[fragment] > before_part)
        took = time.perf_counter() - began
        if broken := self.screen.of_kind("Exception"):
            raise Failed(f"the page shows {broken[0][1].type}: {broken[0][1].message}")
        await asyncio.to_thread(self._fetch)
        return took

    async def commit(self, key: str, value: Any) -> float:
        """A gesture in one of the dashboard's own components."""
        self._serial += 1
        token = f"{time.time_ns() // 10**6}-{self._serial}"
        said = {"value": value, "token": token, "session": self.screen.session_of(key)}
        return await self._set(key, json_value=json.dumps({"commit": said}))

    async def slide(self, key: str, value: float) -> float:
        """Move a slider."""
        return await self._set(key, double_array_value={"data": [value]})

    async def choose(self, key: str, *words: str) -> float:
        """Choose among segments or pills."""
        return await self._set(key, string_array_value={"data": words})

    async def press(self, key: str) -> float:
        """Press a button."""
        return await self._set(key, trigger_value=True)

    async def unfold(self, key: str, opened: bool = True) -> float:
        """Open or close an expander."""
        found = [b.expandable.id for b in self.screen.blocks.values() if b.expandable.id.endswith(f"-{key}")]
        if not found:
            raise LookupError(f"the page shows no expander {key!r}")
        self.screen.states[found[0]] = WidgetState(id=found[0], bool_value=opened)
        return await self.rerun()

    async def follow(self, page: str, query: str) -> float:
        """Follow a link to another page of the dashboard, in this tab."""
        self.screen.page, self.screen.query, self.name = self.screen.pages[page], query, page
        return await self.rerun()

    async def upload(self, key: str, name: str, content: bytes) -> float:
        """Choose a file in a file field."""
        _, field = self.screen.widget(key)
        asked = BackMsg()
        asked.file_urls_request.request_id = asked.file_urls_request.session_id = self.screen.session
        asked.file_urls_request.file_names.append(name)
        self.screen.uploads = None
        await self._socket.send(asked.SerializeToString())
        await self._until(lambda: self.screen.uploads is not None)
        urls = self.screen.uploads.file_urls[0]
        body, kind = encode_multipart_formdata({"file": (name, content)})
        await asyncio.to_thread(self._request, "PUT", urls.upload_url, (kind, body))
        state = WidgetState(id=field.id)
        told = state.file_uploader_state_value.uploaded_file_info.add(name=name, size=len(content))
        told.file_id = urls.file_id
        told.file_urls.CopyFrom(urls)
        self.screen.states[field.id] = state
        return await self.rerun()

    async def _set(self, key: str, **value: Any) -> float:
        path, element = self.screen.widget(key)
        state = WidgetState(id=element.id, **value)
        self.screen.states[element.id] = state
        try:
            return await self.rerun(self.screen.came[path][2])
        finally:
            if "trigger_value" in value:
                self.screen.states.pop(element.id, None)

    async def _connect(self) -> None:
        entries = ["streamlit", self._cookie or "none", *filter(None, [self.screen.session])]
        self._socket = await connect(
            f"ws://{self.host}/_stcore/stream",
            subprotocols=entries,
            origin=f"http://{self.host}",
            additional_headers={"Cookie": f"_streamlit_xsrf={self._cookie}"},
            max_size=None,
            open_timeout=PATIENCE,
        )
        self._lost = ""
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._poll())]

    async def _leave(self) -> None:
        if not self._tasks:
            return
        await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                self.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self.screen.take(message)
                if message.WhichOneof("type") in ("script_finished", "file_urls_response"):
                    self._news.set()
            self._lost = "the server closed the connection"
        except Exception as error:
            self._lost = f"{type(error).__name__}: {error}"
        self._news.set()

    async def _poll(self) -> None:
        """Draw the parts of the page again that ask for it."""
        due: dict[str, float] = {}
        while True:
            await asyncio.sleep(0.1)
            now = time.perf_counter()
            due = {f: due.get(f, now + every) for f, every in self.screen.polls.items()}
            for fragment in [f for f, at in due.items() if at <= now]:
                due[fragment] = now + self.screen.polls[fragment]
                with suppress(Failed):  # whoever acts next is told
                    await self._ask(fragment, polling=True)

    async def _ask(self, fragment: str = "", polling: bool = False) -> None:
        if not polling:
            self.asked.append(f"{time.perf_counter() % 1000:.1f} {self.name} {fragment[:6]}")
        message = self.screen.question(self.host, self.name, fragment, polling=polling)
        try:
            await self._socket.send(message.SerializeToString())
        except ConnectionClosed as error:
            raise Failed(f"the connection broke: {error}") from error

    async def _until(self, done: Callable[[], bool]) -> None:
        end = time.perf_counter() + PATIENCE
        while not done():
            if self._lost:
                raise Failed(self._lost)
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), max(0.001, end - time.perf_counter()))
            except TimeoutError:
                told = f"{PATIENCE:.0f} s: asked for {[*self.asked]}, came {[*self.screen.last]}"
                raise Failed(f"the page did not finish within {told}") from None

    def _fetch(self) -> None:
        """Get the pictures that are new to this tab."""
        for source in self.screen.sources():
            if source in self._had:
                self._had.move_to_end(source)
                continue
            self._picture(source)
            self._had[source] = None
        while len(self._had) > PICTURES:
            self._had.popitem(last=False)

    def _picture(self, source: str) -> None:
        """Get one. One that is gone must soon be gone from the page, too, or be there again."""
        end = time.perf_counter() + REDRAWN
        while source in self.screen.sources():
            try:
                return self._request("GET", source)
            except Failed:
                if time.perf_counter() > end:
                    raise
                time.sleep(0.25)

    def _request(self, method: str, path: str, body: tuple[str, bytes] | None = None) -> None:
        self._line = self._line or http.client.HTTPConnection(self.host, timeout=PATIENCE)
        kind, content = body or ("", b"")
        headers = {"Cookie": f"_streamlit_xsrf={self._cookie}", "X-Xsrftoken": self._cookie}
        headers |= {"Content-Type": kind} if kind else {}
        try:
            self._line.request(method, path, content or None, headers)
            answer = self._line.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # idle for long: a browser asks again, too
            self._line.close()
            self._line.request(method, path, content or None, headers)
            answer = self._line.getresponse()
        answer.read()
        if "_streamlit_xsrf=" in (cookies := answer.headers.get("Set-Cookie", "")):
            self._cookie = cookies.split("_streamlit_xsrf=")[1].split(";")[0]
        if answer.status >= 400:
            raise Failed(f"{method} {path}: {answer.status} {answer.reason}")
