"""Attacks from other sites: foreign names, foreign pages, and uploads that the page did not ask for."""

import itertools

from .raw import Tries, ask, knock, raw

EVIL = "evil.example"
FOREIGN = [
    EVIL,
    f"{EVIL}:{{port}}",
    f"127.0.0.1.{EVIL}",
    f"localhost.{EVIL}",
    f"127.0.0.1@{EVIL}",
    f"{EVIL}@127.0.0.1",
    f"127.0.0.1:{{port}}@{EVIL}",
    f"localhost/{EVIL}",
    f"localhost#{EVIL}",
    f"localhost?{EVIL}",
    f"localhost, {EVIL}",
    "localhost:port",
    "localhost:99999",
    "0.0.0.0",
    "192.168.1.5",
    "[::2]",
    "[::1",
    "2130706433",
    "0x7f.1",
    "",
]
"""Host headers: none of them is this server, though some look like it or lead to it."""
STRANGE = [
    f"http://{EVIL}",
    f"https://{EVIL}",
    "null",
    None,
    "",
    "file://",
    "http://localhost:1",
    "http://127.0.0.1:1",
    "http://localhost",
    f"http://127.0.0.1:{{port}}.{EVIL}",
    f"http://127.0.0.1:{{port}}@{EVIL}",
    f"http://{EVIL}#127.0.0.1:{{port}}",
    f"http://{EVIL}/127.0.0.1:{{port}}",
    "127.0.0.1:{port}",
    "chrome-extension://abcdefgh",
]
"""Origins of pages that are not this server's, among them other servers of the same computer."""


def foreign_hosts(port: int, paths: list[str]) -> Tries:
    """Names that are not this server's, on every kind of address and on the websocket."""
    tries = []
    for told, path in itertools.product(FOREIGN, paths):
        host = told.format(port=port)
        tries.append((f"{path} as {host!r}", ask(port, path, {"Host": host}).status in range(200, 400)))
    for told in FOREIGN:
        host = told.format(port=port)
        tries.append((f"websocket as {host!r}", knock(port, f"http://{host}", host)))
    twice = [("Host", f"127.0.0.1:{port}"), ("Host", EVIL), ("Connection", "close")]
    for path in paths:
        tries.append((f"{path} with two names", raw(port, f"GET {path}", twice).status in range(200, 400)))
        tries.append(
            (f"{path} without a name", raw(port, f"GET {path}", twice[2:]).status in range(200, 400))
        )
    return tries


def strange_origins(port: int) -> Tries:
    """Websockets that pages of others open."""
    told = [origin and origin.format(port=port) for origin in STRANGE]
    return [(f"websocket from {origin!r}", knock(port, origin)) for origin in told]


def other_sites(port: int, paths: list[str]) -> Tries:
    """Pictures, files and frames that a page of another site, or of another port, embeds; and reading its answers."""
    tries = []
    for path, site in itertools.product(paths, ("cross-site", "same-site")):
        for mode, dest in (("no-cors", "image"), ("cors", "empty"), ("navigate", "iframe")):
            sent = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
            tries.append((f"{path} as {dest} of a {site} page", ask(port, path, sent).ok))
    for path, told in itertools.product(paths, STRANGE):
        if told:
            answer = ask(port, path, {"Origin": told.format(port=port)})
            shared = any(name.lower().startswith("access-control-") for name, _ in answer.headers)
            tries.append((f"{path} readable for {told}", shared))
    return tries


def uploads(port: int, cookie: str = "") -> Tries:
    """Uploads without the token, with another's, and from another site."""
    token, tries = "2|00000000|00000000000000000000000000000000|1700000000", []
    path = "/_stcore/upload_file/00000000-0000-0000-0000-000000000000/1"
    for name, sent in {
        "no token": {},
        "a token without its cookie": {"X-Xsrftoken": token},
        "a cookie without its token": {"Cookie": f"_streamlit_xsrf={token}"},
        "a token that differs": {
            "Cookie": f"_streamlit_xsrf={token}",
            "X-Xsrftoken": token.replace("|0000", "|1234", 1),
        },
        "another site": {
            "Cookie": f"_streamlit_xsrf={token}",
            "X-Xsrftoken": token,
            "Origin": f"http://{EVIL}",
        },
    }.items():
        with_login = sent | (
            {"Cookie": "; ".join(filter(None, [cookie, sent.get("Cookie")]))} if cookie else {}
        )
        for method in ("PUT", "DELETE", "POST"):
            body = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nz\r\n--x--\r\n'
            sent_now = with_login | {"Content-Type": "multipart/form-data; boundary=x"}
            tries.append((f"{method} with {name}", ask(port, path, sent_now, method=method, body=body).ok))
    return tries
