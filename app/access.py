"""Who is looking, and what they may do.

Without a login everybody is a local analyst with every right. With one, Streamlit's signed cookie says who it is, and
lists in the secrets say what they may do; whoever is on no list may do nothing.
"""

import hashlib
import json
import re
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import streamlit as st
from streamlit.auth_util import get_cookie_with_chunks, get_secrets_auth_section
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.server_util import get_cookie_secret
from streamlit.web.server.starlette.starlette_app_utils import decode_signed_value
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from app import signed_out
from app.words import escaped
from core.jobs import JobsUnavailable

Role = Literal["viewer", "analyst", "admin"]
ROLES: tuple[Role, ...] = ("viewer", "analyst", "admin")
NEEDS: dict[str, Role] = {
    "start jobs": "analyst",
    "cancel jobs": "analyst",
    "write verdicts": "analyst",
    "save views": "analyst",
    "upload files": "analyst",
    "make bundles": "analyst",
    "import bundles": "analyst",
    "make challenges": "analyst",
    "reveal challenges": "analyst",
    "remove cases": "analyst",
    "share cases": "analyst",
    "delete results": "admin",
    "inspect the machine": "admin",
    "see what others do": "admin",
}
"""What people do here beyond looking, and the least role for it."""
COOKIE = "influence_visitor"
SEEN = "influence_seen"
"""Where the guard leaves who asks, among the facts of a request."""
COOKIE_SHAPE = re.compile(r"[0-9a-f]{32}")
HOURS = 12.0
"""How long a sign-in lasts where the secrets do not say."""
_pinned = False


class NotAllowed(PermissionError):
    """Somebody asked for what their role does not let them do."""


@dataclass(frozen=True)
class Visitor:
    """Somebody who is looking at the dashboard."""

    name: str
    """E-mail address or subject of the login; without one a random name that this browser keeps."""
    label: str
    """What others read."""
    role: Role
    signed_in: bool = False

    @property
    def short(self) -> str:
        """The name where there is little room, different for different people."""
        tail = hashlib.sha256(self.name.encode()).hexdigest()[:7]
        return self.name if len(self.name) <= 40 else f"{self.name[:32]}~{tail}"

    def named(self, typed: str) -> str:
        """The name that goes into records: who is signed in cannot type another."""
        return self.short if self.signed_in else typed

    def may(self, action: str) -> bool:
        """Whether the role lets them do this."""
        return ROLES.index(self.role) >= ROLES.index(NEEDS[action])

    def sees(self, owners: Iterable[str], shared: bool = False) -> bool:
        """Whether something with these owners is there for them at all."""
        return not self.signed_in or shared or self.name in set(owners) or self.may("see what others do")


@dataclass(frozen=True)
class Refused:
    """Somebody whom the login knows and the lists do not let in."""

    label: str
    why: str


def pin_login() -> None:
    """From now on a login is asked for, even if the secrets should disappear while the server runs."""
    global _pinned
    _pinned = _pinned or bool(get_secrets_auth_section())


def login_needed() -> bool:
    """Whether people have to sign in here."""
    return _pinned or bool(get_secrets_auth_section())


def lists() -> Mapping[str, Any]:
    """The table `access` of the secrets; empty where there is none."""
    found = secrets_singleton.get("access", {}) if secrets_singleton.load_if_toml_exists() else {}
    return found if isinstance(found, Mapping) else {}


def visitor() -> Visitor:
    """Who is looking at this page; raises NotAllowed for somebody who has not been let in."""
    if not login_needed():
        name = _browser()
        return Visitor(name, "you", "admin")
    found = None if _ended(_told(st.context.cookies)) else judged(st.user.to_dict(), lists())
    if isinstance(found, Visitor):
        return found
    raise NotAllowed(found.why if found else "Sign in first.")


def asking(scope: Mapping[str, Any]) -> Visitor | None:
    """Who asks for an address that is no page, as the guard found out; None for nobody."""
    return scope.get(SEEN) if login_needed() else Visitor("", "you", "admin")


def _browser() -> str:
    kept = st.context.cookies.get(COOKIE, "")
    if isinstance(kept, str) and COOKIE_SHAPE.fullmatch(kept):
        return kept
    return st.session_state.setdefault(COOKIE, secrets.token_hex(16))


def judged(claims: Mapping[str, Any], told: Mapping[str, Any]) -> Visitor | Refused | None:
    """Who the claims of a login say it is: let in, refused, or None for nobody or an old sign-in."""
    email, subject = _text(claims, "email").lower(), _text(claims, "sub")
    if not claims.get("is_logged_in") or not (email or subject) or _is_old(claims, told):
        return None
    label = _text(claims, "name") or email or subject
    if email and claims.get("email_verified") is False:
        return Refused(email, "Your login says that this e-mail address is not verified.")
    name = email or subject
    role = role_of(name, told)
    return (
        Visitor(name, label[:80], role, signed_in=True) if role else Refused(name, "You are on no list here.")
    )


def of_cookies(cookies: Mapping[str, str], origin: str) -> Visitor | Refused | None:
    """Who the signed cookie of the login says it is, for addresses that are no pages of Streamlit's."""
    if _ended(told := _told(cookies)):
        return None
    try:
        claims = json.loads(told or b"{}")
    except ValueError:
        return None
    if not isinstance(claims, dict) or claims.get("origin") != origin:
        return None
    return judged(claims, lists())


def _told(cookies: Mapping[str, str]) -> bytes | None:
    """What the cookie of the login says, joined where it came in parts; None where this server did not make it."""
    return get_cookie_with_chunks(partial(_signed, cookies), USER_COOKIE_NAME)


def _ended(told: bytes | None) -> bool:
    return told is not None and signed_out.ended(told)


def _signed(cookies: Mapping[str, str], name: str) -> bytes | None:
    """What a cookie holds that this server made; None for any other."""
    return decode_signed_value(get_cookie_secret(), name, cookies.get(name, "").encode("latin-1", "replace"))


def sign_out(cookies: Mapping[str, str]) -> None:
    """From now on no copy of this cookie opens anything, in other tabs and after a restart neither."""
    if not (said := _told(cookies)):  # or strangers could fill the list
        return
    told = lists().get("hours", HOURS)
    signed_out.end(said, told if isinstance(told, int | float) else HOURS)


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    return found.strip()[:200] if isinstance(found, str) else ""


def _is_old(claims: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    began, hours = claims.get("iat"), told.get("hours", HOURS)
    if not isinstance(began, int | float) or not isinstance(hours, int | float):
        return True
    return not 0 <= time.time() - began + 60 <= hours * 3600 + 60


def role_of(name: str, told: Mapping[str, Any]) -> Role | None:
    """The highest role that lists an address or, as `@example.org`, everybody of a domain."""
    _, at, domain = name.rpartition("@")
    known = {name, f"{at}{domain}"} if at else {name}
    for role in reversed(ROLES):
        listed = told.get(f"{role}s", ())
        if isinstance(listed, Iterable) and known & {str(entry).lower() for entry in listed}:
            return role
    return None


def require(action: str, owners: Iterable[str] | None = None) -> Visitor:
    """Who is looking, if they may do this, and with owners: to what is theirs. Raises NotAllowed otherwise."""
    who = visitor()
    if not who.may(action):
        raise NotAllowed(f"Only {NEEDS[action]}s may {action} here; you are {who.role}. Ask whoever runs it.")
    if owners is not None and not who.sees(owners):
        raise NotAllowed(f"You may {action} only where it is your own.")
    return who


def allowed(action: str) -> bool:
    """Whether a button for this should be offered."""
    return visitor().may(action)


def may_end(owner: str) -> bool:
    """Whether whoever looks may cancel a job of this owner, or start it again."""
    who = visitor()
    return who.may("cancel jobs") and who.sees((owner,))


def only(action: str) -> dict[str, Any]:
    """Options for a button that only some may press: none for them, otherwise greyed out with the reason."""
    return {} if allowed(action) else {"disabled": True, "help": f"Only {NEEDS[action]}s may {action} here."}


def checked(action: str, act: Callable[..., Any], owners: Iterable[str] | None = None) -> Callable[..., Any]:
    """The same function for callbacks of widgets: it looks at who calls, and says no in words instead of an error."""
    return partial(_checked, action, act, owners)


def _checked(
    action: str, act: Callable[..., Any], owners: Iterable[str] | None, *args: Any, **options: Any
) -> Any:
    try:
        require(action, owners)
    except NotAllowed as refusal:
        st.toast(str(refusal), icon=":material/lock:")
        return None
    try:
        return act(*args, **options)
    except (JobsUnavailable, PermissionError) as refusal:
        st.toast(escaped(str(refusal)), icon=":material/error:")
        return None
