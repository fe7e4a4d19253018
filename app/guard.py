"""Stands before everything the server answers, the websocket included: who asks, from which page, and by which name.

Strangers get one page that lets them sign in. Every answer carries headers that keep other sites out.
"""

import ipaddress
import secrets
from collections import Counter
from urllib.parse import quote, unquote, urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.user_info import generate_login_redirect_url

from app import access, serving, sign_in
from app.security_headers import policy_for

LOCAL = {"localhost", "127.0.0.1", "::1"}
ENTRANCE, NEXT = "/sign-in", "influence_next"
LONGEST_NEXT = 1500
ANYBODY = {"/auth/login", "/auth/logout", "/oauth2callback", "/_stcore/health"}
"""What a login needs, and the sign of life for whoever watches over the server."""
PARTS = ("/_stcore", "/static", "/media", "/component", "/picture", "/bundle", "/app/static")
"""Addresses that are no pages."""
UPLOADS = "/_stcore/upload_file"
METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE"}
READING = {"GET", "HEAD"}
CLOSED: Message = {"type": "websocket.close", "code": 1008}
MOST_LINES = 40
"""Tabs that one person may have open at a time."""


class Guard:
    """The middleware; what it allows was settled by `serving.settle` before."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        told = serving.settled()
        self.names, self.open, self.origin = told.names, told.open, told.origin
        self.login = access.login_needed()
        self.lines: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, refuse, or pass on."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        asked = HTTPConnection(scope)
        refusal = self._refusal(asked) or (self._at_the_door(asked) if self.login else None)
        if scope["type"] == "websocket":
            return await (self._line(scope, receive, send) if refusal is None else send(CLOSED))
        if scope["path"] == "/auth/logout":
            access.sign_out(asked.cookies)
        return await (refusal or self.app)(scope, receive, self._marked(asked, send))

    async def _line(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A websocket, unless somebody who signed in holds too many; they count until they are closed."""
        who = scope[access.SEEN].name if self.login else ""
        if self.login and self.lines[who] >= MOST_LINES:
            return await send(CLOSED)
        self.lines[who] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.lines[who] -= 1
            if not self.lines[who]:
                del self.lines[who]

    def _refusal(self, asked: HTTPConnection) -> Response | None:
        """Why nobody at all may ask like this; None where they may."""
        scope, headers = asked.scope, asked.headers
        if not self._reached_as_meant(scope):
            return _no(403, "This server may be used from its own computer only.")
        if not self._is_known(headers.getlist("host")):
            return _no(400, "This server does not answer to that name.")
        if scope["type"] == "websocket":
            return None if self._is_own(asked, headers.get("origin")) else _no(403, "Not from that page.")
        if scope["method"] not in METHODS:
            return _no(405, "Not in this way.")
        origin = headers.get("origin")
        if scope["method"] not in READING and origin is not None and not self._is_own(asked, origin):
            return _no(403, "Not from that page.")
        return _no(403, "Not for other sites.") if _is_for_another_site(asked) else None

    def _reached_as_meant(self, scope: Scope) -> bool:
        """Whether the connection came in where it may: however the port was bound, openness has to be told."""
        reached = (scope.get("server") or ("", None))[0]
        return self.login or self.open or serving.is_loopback(reached) or not _is_address(reached)

    def _is_known(self, hosts: list[str]) -> bool:
        try:
            parts = urlsplit(f"//{hosts[0]}")
            host, _ = (parts.hostname or "").rstrip("."), parts.port
        except (IndexError, ValueError):
            return False
        if len(hosts) > 1 or parts.netloc != hosts[0] or "@" in hosts[0]:
            return False
        if host in LOCAL or (
            self.open and _is_address(host)
        ):  # an address cannot be rebound by a name server
            return True
        return any(host == n or (n.startswith("*.") and host.endswith(n[1:])) for n in self.names)

    def _is_own(self, asked: HTTPConnection, origin: str | None) -> bool:
        if not origin:
            return False
        return origin == self.origin or urlsplit(origin).netloc == asked.headers.get("host")

    def _at_the_door(self, asked: HTTPConnection) -> Response | None:
        """What somebody gets who is not signed in or on no list; None for everybody else."""
        path, is_page = asked.url.path, not asked.url.path.startswith(PARTS)
        if path == ENTRANCE:
            return RedirectResponse(generate_login_redirect_url("default"), 303)
        if path in ANYBODY:
            return None
        found = access.of_cookies(asked.cookies, self.origin)
        if isinstance(found, access.Visitor):
            asked.scope[access.SEEN] = found
            if path.startswith(UPLOADS) and not found.may("upload files"):
                return _no(403, f"Nobody uploads as {found.role}.")
            return self._onward(asked)
        status = 403 if found else 401
        if not is_page or asked.scope["type"] == "websocket":
            return _no(status, "Sign in first." if found is None else found.why)
        page = HTMLResponse(sign_in.page(found), status, headers=sign_in.HEADERS)
        if found is None and (path, asked.url.query) != ("/", ""):
            there = quote(f"{path}?{asked.url.query}" if asked.url.query else path, safe="")
            if len(there) <= LONGEST_NEXT:
                page.set_cookie(NEXT, there, max_age=600, httponly=True, samesite="lax")
        return page

    def _onward(self, asked: HTTPConnection) -> Response | None:
        """Back to the page that somebody wanted before they signed in."""
        wanted = unquote(asked.cookies.get(NEXT, ""))
        if not wanted or asked.scope["type"] == "websocket" or (asked.url.path, asked.url.query) != ("/", ""):
            return None
        is_here = wanted[0] == "/" and wanted[1:2].isalpha() and wanted.isprintable() and "\\" not in wanted
        onward = RedirectResponse(wanted if is_here else "/", 303)
        onward.delete_cookie(NEXT, httponly=True, samesite="lax")
        return onward

    def _marked(self, asked: HTTPConnection, send: Send) -> Send:
        """Passes answers on with the headers that keep other sites out, and a name for a new browser."""
        return _Marking(asked, send, secure=self.origin.startswith("https:"), named=not self.login)


class _Marking:
    def __init__(self, asked: HTTPConnection, send: Send, *, secure: bool, named: bool) -> None:
        self.asked, self.send, self.secure, self.named = asked, send, secure, named

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name in [name for name in headers if name.lower().startswith("access-control-")]:
                del headers[name]
            for name, value in policy_for(self.asked.url.path).items():
                headers.setdefault(name, value)
            if headers.get("content-type", "").startswith("text/html"):
                self._name_browser(headers)
            if self.secure:
                _secure_cookies(message)
        await self.send(message)

    def _name_browser(self, headers: MutableHeaders) -> None:
        if self.named and not access.COOKIE_SHAPE.fullmatch(self.asked.cookies.get(access.COOKIE, "")):
            kept = (
                f"{access.COOKIE}={secrets.token_hex(16)}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"
            )
            headers.append("set-cookie", kept)


def _secure_cookies(message: Message) -> None:
    message["headers"] = [
        (
            name,
            value + b"; Secure"
            if name.lower() == b"set-cookie" and b"; secure" not in value.lower()
            else value,
        )
        for name, value in message["headers"]
    ]


def _is_for_another_site(asked: HTTPConnection) -> bool:
    """Whether a browser says that a page of another site wants this as a part of itself, or to sign somebody out."""
    headers = asked.headers
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return False
    visits = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
    return not visits or asked.url.path == "/auth/logout"


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _no(status: int, why: str) -> Response:
    return PlainTextResponse(why, status, headers={"Cache-Control": "no-store"})
