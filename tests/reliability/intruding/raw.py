"""Raw requests and handshakes as no browser would send them, and a browser without a window.

An attack returns its tries as (what was tried, whether it got through).
"""

import http.client
import secrets
import socket
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

Tries = list[tuple[str, bool]]
WEBSOCKET = "/_stcore/stream"


class Answer(NamedTuple):
    """What came back; status 0 when the line was cut."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Every header of a name."""
        return [value for key, value in self.headers if key.lower() == name]

    @property
    def ok(self) -> bool:
        """Whether it answered as to a guest."""
        return 200 <= self.status < 300


def ask(
    port: int, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET", body: bytes = b""
) -> Answer:
    """One request exactly as given; the right Host unless headers name one."""
    lines = {"Host": f"127.0.0.1:{port}", "Connection": "close"} | dict(headers or {})
    lines |= {"Content-Length": str(len(body))} if body else {}
    return raw(port, f"{method} {path}", list(lines.items()), body)


def raw(port: int, start: str, lines: list[tuple[str, str]], body: bytes = b"") -> Answer:
    """The bytes of a request, whatever they are."""
    text = f"{start} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines) + "\r\n"
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as line:
        line.sendall(text.encode("latin-1") + body)
        answer = http.client.HTTPResponse(line, method=start.split()[0])
        try:
            answer.begin()
            got = b"" if answer.status == 101 else answer.read()
        except (http.client.HTTPException, OSError):
            return Answer(0, [], b"")
        return Answer(answer.status, answer.getheaders(), got)


def knock(port: int, origin: str | None, host: str | None = None, cookie: str = "") -> bool:
    """Whether the websocket lets somebody in."""
    lines = [
        ("Host", f"127.0.0.1:{port}" if host is None else host),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", b64encode(secrets.token_bytes(16)).decode()),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Protocol", "streamlit, none"),
    ]
    lines += [("Origin", origin)] if origin is not None else []
    lines += [("Cookie", cookie)] if cookie else []
    return raw(port, f"GET {WEBSOCKET}", lines).status == 101


def hold(port: int, cookie: str, lines: ExitStack) -> bool:
    """Open a websocket and keep it open as long as `lines` lives; whether it was let in."""
    line = lines.enter_context(closing(socket.create_connection(("127.0.0.1", port), timeout=20)))
    key = b64encode(secrets.token_bytes(16)).decode()
    line.sendall(
        f"GET {WEBSOCKET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nCookie: {cookie}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: streamlit, none\r\n\r\n".encode()
    )
    try:
        return b" 101 " in line.recv(64)
    except OSError:
        return False


@dataclass
class Person:
    """A browser without a window: keeps cookies, follows redirects."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, url: str, body: bytes = b"") -> tuple[str, Answer]:
        """Open an address, of this server or of the provider; returns where it ended."""
        for _ in range(12):
            parts = urlsplit(url)
            port = parts.port or self.port
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            sent = {"Cookie": self.cookie} if port == self.port and self.cookies else {}
            kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            answer = ask(port, path, sent | kind, method="POST" if body else "GET", body=body)
            if port == self.port:
                self._keep(answer)
            if answer.status not in (302, 303, 307):
                return url, answer
            place = answer.all("location")[0]
            url, body = place if "//" in place else f"http://127.0.0.1:{port}{place}", b""
        raise AssertionError(f"redirected without end: {url}")

    def sign_in(self, email: str, **told: str) -> Answer:
        """All the way through the provider and back."""
        there, _ = self.get("/sign-in")
        _, answer = self.get(there, urlencode({"email": email, **told}).encode())
        return answer

    @property
    def cookie(self) -> str:
        """The header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _keep(self, answer: Answer) -> None:
        for line in answer.all("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.split(";")[0].strip('"')
            gone = not value or "max-age=0" in line.lower()
            self.cookies.pop(name, None) if gone else self.cookies.__setitem__(name, value)
