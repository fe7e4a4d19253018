"""The one page that strangers see: how to sign in, or why somebody who did may not come in.

It stands alone, without a script and without anything of the dashboard.
"""

import hashlib
from base64 import b64encode
from html import escape

from app.access import Refused

STYLE = """
:root { color-scheme: light dark; --paper: #FFFFFF; --ink: #14202B; --quiet: #4A5866; --line: #D5DCE4;
  --action: #0B57A4; --on-action: #FFFFFF; }
@media (prefers-color-scheme: dark) { :root { --paper: #0E1117; --ink: #F2F5F9; --quiet: #B4BEC9; --line: #333D49;
  --action: #5AD1C8; --on-action: #0E1117; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper);
  color: var(--ink); font: 1rem/1.55 "Source Sans 3", "Source Sans Pro", system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; border: 1px solid var(--line); border-radius: 0.75rem; padding: 2rem; }
h1 { margin: 0 0 0.75rem; font-size: 1.4rem; line-height: 1.25; }
p { margin: 0 0 1rem; overflow-wrap: anywhere; }
p.quiet { color: var(--quiet); font-size: 0.9rem; margin: 1.25rem 0 0; }
a.action { display: block; text-align: center; padding: 0.7rem 1rem; border-radius: 0.5rem; font-weight: 600;
  background: var(--action); color: var(--on-action); text-decoration: none; }
a.action:focus-visible { outline: 3px solid var(--action); outline-offset: 3px; }
"""
_DIGEST = b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}
WELCOME = (
    "Sign in",
    "<p>This dashboard finds the training images that poisoned a classifier. Its cases are for people who are "
    "invited.</p>",
    ("/sign-in", "Sign in"),
    "You are sent to the sign-in page of your organisation and come back here.",
)


def page(refused: Refused | None) -> str:
    """The page as HTML."""
    title, told, (address, action), quiet = WELCOME if refused is None else _refusal(refused)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{title} · Influence Collapse Explorer</title><style>{STYLE}</style></head>"
        f'<body><main><h1>Influence Collapse Explorer</h1>{told}<a class="action" href="{address}">{action}</a>'
        f'<p class="quiet">{quiet}</p></main></body></html>'
    )


def _refusal(refused: Refused) -> tuple[str, str, tuple[str, str], str]:
    told = (
        f"<p>You are signed in as <strong>{escape(refused.label)}</strong>, and may not come in. "
        f"{escape(refused.why)}</p>"
    )
    quiet = "Ask whoever runs this dashboard to add your address, or sign in with another account."
    return "Not invited", told, ("/auth/logout", "Sign out"), quiet
