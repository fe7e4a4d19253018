"""Crooked addresses and methods, and answers that do not keep other sites out."""

import itertools
import re

from .raw import Answer, Tries, ask

ROWS = [
    "-1",
    "99999999",
    "9" * 40,
    "9" * 5000,
    "0x0",
    "0.5",
    "NaN",
    "٣",
    "%00",
    "0%00",
    "1e3",
    "+1",
    " 1",
]
KINDS = [
    "..",
    "%2e%2e",
    "train%2f..",
    "__class__",
    "train%00",
    "poison-change-3",
    "TRAIN",
    "train;",
    "💣",
    "a" * 9000,
]
RUNS = [
    "..",
    "%2e%2e%2fruns",
    "..%5c..",
    "%00",
    "*",
    "-",
    "blind-",
    "~",
    "{case}~~",
    "{case}/..",
    "{case}%00",
    "{case}~test%2e0",
]
UPS = [
    "../../casebook.sqlite3",
    "..%2f..%2fcasebook.sqlite3",
    "%2e%2e/casebook.sqlite3",
    "....//casebook.sqlite3",
    "/etc/passwd",
    "%2fetc%2fpasswd",
    "..%5ccasebook.sqlite3",
    "%c0%ae%c0%ae/casebook.sqlite3",
    "C:%5cwindows",
    "{case}-00000000000000000000000000000000.zip",
    "{case}-0000000000000000000000000000000.zip%00",
    "~root",
    ".",
    "",
    "casebook.sqlite3",
    "%",
]
"""What stands in the addresses; `{case}` is a case that there is."""


def crooked_paths(port: int, case: str) -> Tries:
    """Addresses that try to leave the folder, or to upset whoever reads them."""
    paths = [f"/picture/{case}/train/{row}.png" for row in ROWS]
    paths += [f"/picture/{case}/{kind}/0.png" for kind in KINDS]
    paths += [f"/picture/{run}/train/0.png" for run in RUNS]
    paths += [
        f"/{place}/{up}" for place in ("bundle", "picture", "media", "static", "app/static") for up in UPS
    ]
    paths = [path.replace("{case}", case) for path in paths]
    return [(path[:60], _told_anything(ask(port, path.encode().decode("latin-1")))) for path in paths]


def _told_anything(answer: Answer) -> bool:
    """Whether something of a file came back, or the server lost its countenance; its own start page tells nothing."""
    harmless = b"<title>Streamlit</title>" in answer.body or b"<!DOCTYPE html>" in answer.body[:2000]
    return answer.status >= 500 or (answer.ok and not harmless)


def crooked_methods(port: int, paths: list[str]) -> Tries:
    """Other methods than reading, on addresses that are only read."""
    methods = ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "GET\t", "get", "BREW")
    return [
        (f"{method} {path}", ask(port, path, method=method).status in range(200, 400))
        for method, path in itertools.product(methods, paths)
    ]


HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}


def bare_answers(port: int, paths: list[str]) -> Tries:
    """Answers without the headers that keep other sites out, or with a policy that lets foreign scripts run."""
    tries = []
    for path in paths:
        answer = ask(port, path)
        tries += [(f"{path} without {name}", answer.all(name) != [value]) for name, value in HEADERS.items()]
        policy = " ".join(answer.all("content-security-policy"))
        scripts = re.search(r"script-src ([^;]*)", policy)
        loose = scripts and ("unsafe" in scripts[1] or "http" in scripts[1] or "*" in scripts[1])
        tries.append((f"{path} with a loose policy", "default-src" not in policy or bool(loose)))
        tries.append(
            (
                f"{path} may be framed",
                "frame-ancestors 'none'" not in policy and "default-src 'none'" not in policy,
            )
        )
    return tries
