"""Attacks on the login: strangers, forged cookies, flawed tokens, stolen answers, and other people's cases."""

import json
import re
import time
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from .elsewhere import EVIL
from .raw import Person, Tries, ask, knock

PEOPLE = """admins = ["ada@lab.example"]
analysts = ["@lab.example"]
viewers = ["vera@guest.example"]
"""
"""Who may come in, in the servers of these attacks."""


def paths_of(case: str) -> list[str]:
    """One address of every kind."""
    return [
        "/",
        f"/investigate?case={case}",
        f"/picture/{case}/test/0.png",
        f"/bundle/{case}-{'0' * 32}.zip",
        "/_stcore/host-config",
        "/_stcore/metrics",
        "/_stcore/agent/openapi.json",
        "/static/x.js",
        "/media/0.png",
        "/component/x/index.html",
    ]


def cookie_of(secret: str, origin: str, email: str) -> str:
    """The cookie as the dashboard makes it after a sign-in."""
    from itsdangerous import URLSafeTimedSerializer

    good = {"is_logged_in": True, "email": email, "sub": "1", "iat": int(time.time()), "origin": origin}
    return URLSafeTimedSerializer(secret, salt="_streamlit_user").dumps(json.dumps(good))


def forged_cookies(secret: str, origin: str, email: str) -> dict[str, str]:
    """Cookies of a login that never was: none of them may open anything."""
    from itsdangerous import URLSafeTimedSerializer
    from itsdangerous.timed import TimestampSigner

    class Earlier(TimestampSigner):
        def get_timestamp(self) -> int:
            return int(time.time()) - 40 * 86400

    def signed(
        claims: object, by: str = secret, salt: str = "_streamlit_user", signer: type = TimestampSigner
    ) -> str:
        text = claims if isinstance(claims, str) else json.dumps(claims)
        return URLSafeTimedSerializer(by, salt=salt, signer=signer).dumps(text)

    good = {"is_logged_in": True, "email": email, "sub": "1", "iat": int(time.time()), "origin": origin}
    right = signed(good)
    return {
        "garbage": "garbage",
        "not signed": json.dumps(good).replace('"', "'"),
        "signed with another secret": signed(good, by="x" * 64),
        "signed with an empty secret": signed(good, by=""),
        "signed for another cookie": signed(good, salt="_streamlit_user_tokens"),
        "signed 40 days ago": signed(good, signer=Earlier),
        "one letter changed": right[:-6] + ("A" if right[-6] != "A" else "B") + right[-5:],
        "its payload changed": ".".join(
            [signed(good | {"email": "x"}).rsplit(".", 2)[0], *right.rsplit(".", 2)[1:]]
        ),
        "without its signature": right.rpartition(".")[0],
        "of a sign-in last week": signed(good | {"iat": int(time.time()) - 7 * 86400}),
        "of a sign-in tomorrow": signed(good | {"iat": int(time.time()) + 86400}),
        "without a time": signed({k: v for k, v in good.items() if k != "iat"}),
        "of another address": signed(good | {"origin": f"http://{EVIL}"}),
        "not logged in": signed(good | {"is_logged_in": False}),
        "of nobody": signed(good | {"email": "", "sub": ""}),
        "a list": signed([good]),
        "a text": signed("admin"),
        "chunks that are missing": signed("chunks-9"),
    }


def as_stranger(port: int, case: str, words: str, cookie: str = "") -> Tries:
    """Everything that somebody gets who is not let in: refusals without a word about any case."""
    sent = {"Cookie": cookie} if cookie else {}
    tries = []
    for path in paths_of(case):
        answer = ask(port, path, sent)
        told = answer.status not in (401, 403) or words.encode() in answer.body
        tries.append((f"{path} with {cookie[:30] or 'nothing'}", told))
    return [*tries, (f"websocket with {cookie[:30]}", knock(port, f"http://127.0.0.1:{port}", cookie=cookie))]


def forgeries(port: int, case: str, secret: str, email: str) -> Tries:
    """Pages, pictures and the websocket with cookies that the dashboard did not make."""
    tries = []
    for name, value in forged_cookies(secret, f"http://127.0.0.1:{port}", email).items():
        cookie = "_streamlit_user=" + value.replace('"', "").replace(" ", "")
        for path in paths_of(case)[:4]:
            tries.append((f"{path} with a cookie {name}", ask(port, path, {"Cookie": cookie}).status != 401))
        let_in = knock(port, f"http://127.0.0.1:{port}", cookie=cookie)
        tries.append((f"websocket with a cookie {name}", let_in))
    return tries


def bad_tokens(port: int, case: str, email: str, flaws: Mapping[str, str]) -> Tries:
    """Sign-ins whose token is not what it should be, by a provider that would vouch for an admin."""
    tries = []
    for flaw, meaning in flaws.items():
        person = Person(port)
        person.sign_in(email, flaw=flaw)
        answer = ask(port, paths_of(case)[2], {"Cookie": person.cookie})
        tries.append((f"a token {meaning}", answer.status != 401 or "_streamlit_user" in person.cookies))
    provider = urlsplit(Person(port).get("/sign-in")[0]).port or 0
    assert set(flaws) <= set(json.loads(ask(provider, "/given").body)), (
        "the provider has to give these tokens"
    )
    return tries


def stolen_callbacks(port: int, email: str) -> Tries:
    """Answers of the provider that belong to another browser, come twice, or name no sign-in."""
    tries = []
    victim = Person(port)
    there, _ = victim.get("/sign-in")
    form = urlencode({"email": email}).encode()
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    split = urlsplit(there)
    answer = ask(split.port or 0, f"{split.path}?{split.query}", kind, method="POST", body=form)
    back = urlsplit(answer.all("location")[0])
    callback = f"{back.path}?{back.query}"
    for name, path in {
        "in another browser": callback,
        "with another state": re.sub("state=[^&]*", "state=x", callback),
        "without a state": re.sub("&state=[^&]*", "", callback),
        "with another code": re.sub("code=[^&]*", "code=x", callback),
    }.items():
        person = Person(port) if name == "in another browser" else victim
        kept = dict(person.cookies)
        person.get(path)
        tries.append((f"an answer {name}", "_streamlit_user" in person.cookies))
        person.cookies = kept
    victim.get(callback)
    again = Person(port, {k: v for k, v in victim.cookies.items() if k == "_streamlit_session"})
    again.get(callback)
    return [*tries, ("an answer twice", "_streamlit_user" in again.cookies)]


def others_cases(port: int, case: str, owner: Person, other: Person, bundle: str = "") -> Tries:
    """Somebody else's pictures and files: answers that differ in anything from those about a case that is not there."""
    kinds = [
        f"/picture/{{}}/{kind}/{row}.png"
        for kind in ("train", "test", "query", "copy", "poison")
        for row in (0, 7)
    ]
    kinds += ["/picture/{}~test.5/query/0.png"] + (["/bundle/{}-" + bundle] if bundle else [])
    tries = []
    for kind in kinds:
        found = ask(port, kind.format(case), {"Cookie": other.cookie})
        unknown = ask(port, kind.format("0123456789ab"), {"Cookie": other.cookie})
        same = (found.status, found.body) == (unknown.status, unknown.body) and found.status == 404
        tries.append((f"{kind.format(case)} of somebody else", not same))
    assert ask(port, kinds[0].format(case), {"Cookie": owner.cookie}).ok, "its owner has to see it"
    return tries


def after_signing_out(port: int, case: str, email: str) -> Tries:
    """Copies of a cookie whose owner has signed out."""
    person = Person(port)
    person.sign_in(email)
    kept = dict(person.cookies)
    assert ask(port, paths_of(case)[2], {"Cookie": person.cookie}).status != 401
    person.get("/auth/logout")
    tries = as_stranger(port, case, "no such words", Person(port, kept).cookie)
    for what, value in respelt(kept["_streamlit_user"]).items():
        cookie = Person(port, kept | {"_streamlit_user": value}).cookie
        tries += [
            (f"{name}, {what}", through) for name, through in as_stranger(port, case, "no such words", cookie)
        ]
    return tries


def respelt(cookie: str) -> dict[str, str]:
    """The same signed cookie in other letters: its signature is text whose last letter has bits to spare."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return {"padded": f"{cookie}="} | {
        f"last letter {n} on": cookie[:-1] + letters[letters.index(cookie[-1]) ^ n] for n in (1, 2, 3)
    }
