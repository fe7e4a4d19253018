"""To whom the dashboard is served: the host names it answers to, and why it will not start open to the network.

Everything here is settled once, before the first connection.
"""

import ipaddress
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from streamlit import config
from streamlit.auth_util import get_redirect_uri, get_secrets_auth_section, is_authlib_installed

from app import access, ended_runs, heaps, whole_callbacks

LOCAL = ("localhost", "127.0.0.1", "::1")
ALLOW, ALLOW_VARIABLE, HOSTS_VARIABLE = "--allow-open", "INFLUENCE_ALLOW_OPEN", "INFLUENCE_HOSTS"
LEAST_SECRET = 32


@dataclass(frozen=True)
class Served:
    """To whom, as it was settled at the start."""

    names: tuple[str, ...] = ()
    """Host names besides this computer's own."""
    open: bool = False
    """Whether anybody on the network may do anything."""
    origin: str = ""
    """Under which people sign in."""


_served = Served()
NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")
REFUSED = f"""The dashboard does not start: {{why}}.
Anybody who can reach it could see every case, start jobs and delete results. Choose one:
  keep it to this computer     leave server.address at 127.0.0.1
  let people sign in           fill .streamlit/secrets.toml, see assets/guide/server.md
  open it all the same         streamlit run app/main.py -- {ALLOW}     or {ALLOW_VARIABLE}=1"""
UNSOUND = (
    "The dashboard does not start: {why}. See assets/guide/server.md and .streamlit/secrets.example.toml."
)


def told_to_open() -> bool:
    """Whether whoever started the server said that it may be open to the network without a login."""
    return ALLOW in sys.argv[1:] or os.environ.get(ALLOW_VARIABLE, "").lower() in ("1", "true", "yes")


def is_loopback(address: str | None) -> bool:
    """Whether only this computer can reach an address; an empty one means every interface."""
    name = (address or "").strip("[]").lower()
    if name == "localhost" or name.startswith("unix:"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def names() -> tuple[str, ...]:
    """Host names other than this computer's own that the server shall answer to, without ports."""
    told = os.environ.get(HOSTS_VARIABLE, "").split(",") + list(
        config.get_option("server.allowedHosts") or ()
    )
    own = [sign_in_origin()] if access.login_needed() else []
    found = [name.strip().strip("[]").lower() for name in told] + [urlsplit(o).hostname or "" for o in own]
    return tuple(dict.fromkeys(name for name in found if name and name not in LOCAL))


def sign_in_origin() -> str:
    """Scheme, host and port under which people reach it, as the secrets say; empty without a login."""
    parts = urlsplit(get_redirect_uri(get_secrets_auth_section()) or "")
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def openings() -> list[str]:
    """Why people on the network could reach it, in words; none where only this computer can."""
    address = config.get_option("server.address")
    found = [] if is_loopback(address) else [f"server.address is {address or 'not set (every interface)'}"]
    return found + [f"it answers to the name {name}" for name in names()[:1]]


def is_open() -> bool:
    """Whether anybody on the network may do anything here."""
    return not access.login_needed() and bool(openings())


def is_served_open() -> bool:
    """Whether this server was started open to the network, so that every page says so."""
    return _served.open


def settled() -> Served:
    """What `settle` found."""
    return _served


def settle() -> None:
    """Check all of it, and hand the host names on to Streamlit. Ends the program, with the reason, where it is unsafe."""
    for why in unsound():
        sys.exit(UNSOUND.format(why=why))
    access.pin_login()
    if is_open() and not told_to_open():
        sys.exit(REFUSED.format(why=f"{' and '.join(openings())}, and nobody has to sign in"))
    global _served
    _served = Served(names(), is_open(), sign_in_origin() if access.login_needed() else "")
    hosts = ["*"] if _served.open else [*LOCAL, *_served.names]
    config.set_option("server.allowedHosts", hosts)
    ended_runs.heard()
    whole_callbacks.undivided()
    heaps.tidy()


def facts() -> list[tuple[bool, str, str]]:
    """For people: whether it is as it should be, what, and what that means."""
    address, login = config.get_option("server.address"), access.login_needed()
    reach = "answers this computer only" if is_loopback(address) else "answers the network"
    hours = float(access.lists().get("hours", access.HOURS))
    sign_in = (
        f"people sign in, for {hours:g} hours at a time" if login else "whoever reaches it may do everything"
    )
    named = ", ".join((*LOCAL[:2], *_served.names))
    details = config.get_option("client.showErrorDetails")
    return [
        (login or is_loopback(address), f"Address {address or 'not set'}", reach),
        (login or not openings(), "Login" if login else "No login", sign_in),
        (not _served.open, "Names", f"answers to {'every address, and ' * _served.open}{named}"),
        (bool(config.get_option("server.enableXsrfProtection")), "Uploads", "come from this page only"),
        (
            details == "none",
            "Errors",
            "show no inner workings" if details == "none" else f"show {details} details",
        ),
    ]


def unsound() -> list[str]:
    """What is wrong with the configured login, in words; half a login must never end as none."""
    files = [Path(file) for file in config.get_option("secrets.files")]
    broken = [why for file in files if (why := _unreadable(file))]
    if broken or not access.login_needed():
        return broken + _of_server()
    return [*_of_login(get_secrets_auth_section().to_dict(), access.lists()), *_of_server()]


def _unreadable(file: Path) -> str:
    try:
        if file.is_file():
            tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"{file} cannot be read ({error})"
    return ""


def _of_login(auth: Mapping[str, Any], lists: Mapping[str, Any]) -> list[str]:
    found = [f"[auth] in the secrets has no {name}" for name in NEEDED if not auth.get(name)]
    if not found and len(str(auth["cookie_secret"])) < LEAST_SECRET:
        found.append(
            f"cookie_secret in the secrets is shorter than {LEAST_SECRET} characters, so it can be guessed"
        )
    if not any(lists.get(f"{role}s") for role in access.ROLES):
        found.append(
            "[access] in the secrets lists nobody (admins, analysts, viewers), so nobody could get in"
        )
    if not is_authlib_installed() or find_spec("httpx") is None:
        found.append('signing in needs Authlib and HTTPX: pip install -e ".[auth]"')
    return found


def _of_server() -> list[str]:
    if config.get_option("server.trustedUserHeaders"):
        return [
            "server.trustedUserHeaders would let anybody who reaches the port say who they are; remove it"
        ]
    return [] if config.get_option("server.enableXsrfProtection") else ["server.enableXsrfProtection is off"]
