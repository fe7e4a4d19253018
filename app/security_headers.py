"""Headers that every answer carries: what a page may load, and that no other site may show or read it."""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

import streamlit

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
FILES = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
"""Of files that people made, should a browser ever show one as a page."""


NEEDED_BY_STREAMLIT = ("blob:",)
"""Its components bring their script as text, which it imports from memory."""


@cache
def _of_pages() -> str:
    """Streamlit's own scripts and no others; it styles elements one by one, so styles may stand anywhere."""
    scripts = " ".join(["'self'", *_inline_scripts(), *NEEDED_BY_STREAMLIT])
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src {scripts}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-src 'none'",
            "frame-ancestors 'none'",
        )
    )


def _inline_scripts() -> list[str]:
    """The few lines of script inside Streamlit's page, each by its digest."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text(encoding="utf-8")
    found = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    return [f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in found]


@cache
def policy_for(path: str) -> dict[str, str]:
    """The headers of an answer by its address."""
    return ALWAYS | {"Content-Security-Policy": FILES if path.startswith("/media/") else _of_pages()}
