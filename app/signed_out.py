"""Cookies of sign-ins that people ended: no copy of them opens anything, here and after a restart of the server."""

import hashlib
import logging
import time
from collections import OrderedDict

from core import paths, sign_outs
from core.durable import CannotWrite

log = logging.getLogger(__name__)
COOKIE_DAYS = 30.0
"""How long Streamlit's cookie is taken at most, however long a sign-in may last by the secrets of tomorrow."""
_here: OrderedDict[str, None] = OrderedDict()
"""Ended while this server runs, also where that could not be written down."""


def end(told: bytes, hours: float) -> None:
    """From now on no cookie that says this opens anything, in other tabs neither; sign-ins last so many hours."""
    if ended(told):
        return
    _here[_mark(told)] = None
    while len(_here) > sign_outs.MOST:
        _here.popitem(last=False)
    try:
        until = time.time() + max(hours * 3600, COOKIE_DAYS * 86400)
        sign_outs.add(paths.store_root(), _mark(told), until)
    except CannotWrite as error:
        log.warning("a sign-out will be forgotten when this server ends: %s", error)


def ended(told: bytes) -> bool:
    """Whether a cookie says what one said whose owner has signed out, however it is spelt or parted."""
    return _mark(told) in _here or sign_outs.holds(paths.store_root(), _mark(told))


def _mark(told: bytes) -> str:
    return hashlib.sha256(told).hexdigest()
