"""Cookies of sign-ins that people ended: no copy of them opens anything, here and after a restart of the server."""

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping

from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from core import paths, signed_out
from core.durable import CannotWrite

log = logging.getLogger(__name__)
COOKIE_DAYS = 30.0
"""How long Streamlit's cookie is taken at most, however long a sign-in may last by the secrets of tomorrow."""
_here: OrderedDict[str, None] = OrderedDict()
"""Ended while this server runs, also where that could not be written down."""


def end(cookies: Mapping[str, str], hours: float) -> None:
    """From now on no copy of this cookie opens anything, in other tabs neither; sign-ins last so many hours."""
    if not (kept := cookies.get(USER_COOKIE_NAME)) or ended(cookies):
        return
    _here[_mark(kept)] = None
    while len(_here) > signed_out.MOST:
        _here.popitem(last=False)
    try:
        until = time.time() + max(hours * 3600, COOKIE_DAYS * 86400)
        signed_out.add(paths.store_root(), _mark(kept), until)
    except CannotWrite as error:
        log.warning("a sign-out will be forgotten when this server ends: %s", error)


def ended(cookies: Mapping[str, str]) -> bool:
    """Whether the cookie is one whose owner has signed out."""
    kept = cookies.get(USER_COOKIE_NAME)
    if not isinstance(kept, str):
        return False
    return _mark(kept) in _here or signed_out.holds(paths.store_root(), _mark(kept))


def _mark(cookie: str) -> str:
    return hashlib.sha256(cookie.encode("utf-8", "replace")).hexdigest()
