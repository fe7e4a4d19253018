"""Talks to a Ray cluster's Jobs API, and only to one that asks everybody for its token.

Whoever reaches this API runs code on the cluster (CVE-2023-48022: that is its purpose), so a cluster without token
authentication is refused, and so is a way to it on which the token could be read. Plain HTTP calls with a time
limit, which Ray's own client does not have: the supervisor never waits for a cluster that hangs.
"""

import json
import os
import urllib.error
import urllib.request
from http import HTTPStatus
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.jobs.executors import ExecutorUnavailable

ADDRESS, MODE = "RAY_API_SERVER_ADDRESS", "RAY_AUTH_MODE"  # Ray's own names
DEFAULT = "http://127.0.0.1:8265"
OLDEST = (2, 52)
"""The first version with tokens, and without CVE-2025-62593."""
SECONDS = 8.0
REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
GUIDE = "assets/guide/cluster.md has the steps"


class ClusterSilent(ExecutorUnavailable):
    """Nobody answers at the address."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for the address it was meant for."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_web = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


class Cluster:
    """The Jobs API at an address that was checked. Every method raises ExecutorUnavailable when it does not answer."""

    def __init__(self, address: str = "") -> None:
        self.address = checked_address(address or os.environ.get(ADDRESS, "") or DEFAULT)
        self._token = token()
        self._check_guarded()
        self._check_version()

    def ask(self, path: str, body: dict[str, Any] | None = None, method: str = "") -> Any:
        """What the cluster answers, decoded; None for what it does not know."""
        status, told = _call(self.address + path, body, method, self._token)
        if status in REFUSED:
            raise ExecutorUnavailable(
                f"{self.address} refuses the token: give this machine the one that the cluster was started with, "
                f"in RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token; {GUIDE}"
            )
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status >= HTTPStatus.BAD_REQUEST:
            last = (told.strip().splitlines() or [""])[-1] if len(told) < 1 << 16 else ""
            raise ExecutorUnavailable(f"{self.address}{path} answers {status}: {_reason(told) or last}")
        try:
            return json.loads(told)
        except ValueError:
            raise ExecutorUnavailable(
                f"{self.address}{path} does not answer as Ray's Jobs API does"
            ) from None

    def _check_guarded(self) -> None:
        """Ask for the list of jobs as a stranger would, and expect to be refused."""
        status, _ = _call(f"{self.address}/api/jobs/", None, "", "")
        if status not in REFUSED:
            raise ExecutorUnavailable(
                f"{self.address} answers {status} to a stranger: a cluster must ask for its token, since whoever reaches "
                f"it runs code there. Start every node with {MODE}=token; {GUIDE}"
            )

    def _check_version(self) -> None:
        told = str((self.ask("/api/version") or {}).get("ray_version", ""))
        numbers = tuple(int(n) for n in told.split(".")[:2] if n.isdigit())
        if len(numbers) < 2 or numbers < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise ExecutorUnavailable(
                f"{self.address} runs Ray {told or 'of an unknown version'}: at least {oldest} is needed, earlier ones "
                "can be taken over from a web page (CVE-2025-62593); update Ray on every node"
            )


def token() -> str:
    """The cluster's token, from where Ray itself looks for it. It is never logged and never stored."""
    if (mode := os.environ.get(MODE, "")) != "token":
        raise ExecutorUnavailable(
            f"{MODE}={mode!r}: expected token. A Ray cluster is only used with its token; {GUIDE}"
        )
    if told := os.environ.get("RAY_AUTH_TOKEN", "").strip():
        return told
    file = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or "~/.ray/auth_token").expanduser()
    try:
        told = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ExecutorUnavailable(f"{file}: cannot read the cluster's token ({error}); {GUIDE}") from None
    if not told:
        raise ExecutorUnavailable(f"{file}: is empty; expected the cluster's token; {GUIDE}")
    return told


def checked_address(address: str) -> str:
    """An address on whose way nobody can read the token: this machine, or https."""
    parts = urlsplit(address)
    if parts.username is not None or parts.password is not None:
        raise ExecutorUnavailable("the address of a Ray cluster holds a name or password: leave them out")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ExecutorUnavailable(f"{address!r}: expected an address such as {DEFAULT}")
    if parts.scheme == "http" and not _is_this_machine(parts.hostname):
        raise ExecutorUnavailable(
            f"{address}: over http everybody on the way can read the token. Use https, or a tunnel: "
            f"ssh -N -L 8265:127.0.0.1:8265 {parts.hostname}, and then {DEFAULT}"
        )
    return address.rstrip("/")


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _call(address: str, body: dict[str, Any] | None, method: str, secret: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    if secret:
        headers["Authorization"] = f"Bearer {secret}"
    request = urllib.request.Request(
        address, data, headers, method=method or ("POST" if data is not None else "GET")
    )
    try:
        with _web.open(request, timeout=SECONDS) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise ClusterSilent(
            f"{address.partition('/api/')[0]} does not answer ({reason}): is the cluster running, and the tunnel up?"
        ) from None


def _reason(told: str) -> str:
    """The line of a traceback that says what was wrong."""
    lines = [line for line in told.splitlines() if line.strip() and not line.startswith((" ", "Traceback"))]
    return lines[-1][:300] if lines and len(lines[-1]) > 1 else (lines[-2][:300] if len(lines) > 1 else "")
