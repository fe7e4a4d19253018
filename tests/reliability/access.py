"""Tries to get in where one should not: real servers, a real identity provider, attacks by the hundred, all counted.

    python tests/reliability/access.py [--flood N]

Seven servers are started in turn; it takes about two minutes.
"""

import argparse
import os
import resource
import tempfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from intruding import crooked, elsewhere, engine, identity, logins, raw, servers
from record import keep, row

from core import owners, runs
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store

TITLE = "A case that nobody else may know of"
SMALL: dict[str, Any] = {
    "title": TITLE,
    "dataset": {"name": "digits", "train_limit": 300, "test_limit": 120},
    "attack": {"name": "badnet", "victim_class": 7, "target_class": 1, "n_poisons": 25, "patch": "square"}
    | {"size": 6, "value": 255},
    "model": {"name": "resnet9", "width": 4},
    "training": {"epochs": 12, "batch_size": 32, "schedule": "one_cycle", "shift": 0.0625, "flip": False},
    "queries": {"count": 2},
    "transforms": {"n_transforms": 8},
    "detectors": [{"name": "delta_influence", "tolerance": 1}],
    "unlearners": [],
}
ADMIN, OWNER, OTHER = "ada@lab.example", "bob@lab.example", "carol@lab.example"
PUBLIC = "influence.example.org"
Row = dict[str, Any]


def counted(what: str, tries: raw.Tries, told: str = "") -> Row:
    """A row of the record; what got through is named."""
    through = [name for name, got_through in tries if got_through]
    return row(
        what, len(tries), len(through), told + ("; got through: " + ", ".join(through[:5]) if through else "")
    )


def private_case(root: Path) -> str:
    """A finished case that one analyst owns."""
    experiment = Experiment.checked(SMALL)
    runs.complete(plan(experiment, Store(root)))
    name = runs.record(experiment, Store(root)).id
    owners.claim(root, name, OWNER)
    return name


def at_home(root: Path, case: str) -> list[Row]:
    """The server of one person, on his own computer."""
    port = identity.free_port()
    paths = logins.paths_of(case)
    with servers.served(root, port):
        assert raw.ask(port, paths[2]).ok and raw.knock(port, f"http://127.0.0.1:{port}")
        return [
            counted(
                "requests and websockets under foreign names",
                elsewhere.foreign_hosts(port, paths),
                "400 or 403",
            ),
            counted("websockets opened by other pages, or by none", elsewhere.strange_origins(port), "403"),
            counted(
                "embedding and reading from other sites",
                elsewhere.other_sites(port, paths),
                "403, no CORS header",
            ),
            counted("uploads without the page's token", elsewhere.uploads(port), "403"),
            counted(
                "crooked addresses of pictures and files",
                crooked.crooked_paths(port, case),
                "404, never 500",
            ),
            counted("other methods than reading", crooked.crooked_methods(port, paths[2:4]), "400 or 405"),
            counted(
                "answers that another site may frame or read",
                crooked.bare_answers(port, paths),
                "headers on all",
            ),
        ]


def open_starts(root: Path) -> Row:
    """Starts that would be open to the network."""
    tries: raw.Tries = []
    broken, half = root.parent / "broken.toml", root.parent / "half.toml"
    broken.write_text("[auth\n")
    half.write_text('[auth]\nredirect_uri = "http://x/oauth2callback"\n')
    for name, options, environment in (
        ("address 0.0.0.0", ["--server.address", "0.0.0.0"], {}),
        ("address ::", ["--server.address", "::"], {}),
        ("no address", ["--server.address", ""], {}),
        ("the environment's address", [], {"STREAMLIT_SERVER_ADDRESS": "0.0.0.0"}),
        ("a public name", [], {"INFLUENCE_HOSTS": PUBLIC}),
        ("secrets that cannot be read", ["--secrets.files", str(broken)], {}),
        ("half a login", ["--secrets.files", str(half)], {}),
        ("headers trusted for names", ["--server.trustedUserHeaders", '{"X-Email": "email"}'], {}),
    ):
        code, said = servers.started(root, identity.free_port(), *options, **environment)
        tries.append((name, code in (None, 0) or "does not start" not in said))
    return counted(
        "starts open to the network, or with half a login", tries, "ends with status 1 and says why"
    )


def told_to_open(root: Path, case: str) -> Row:
    """A server that was told to be open still knows no foreign name and no other page."""
    port = identity.free_port()
    with servers.served(root, port, "--server.address", "0.0.0.0", "--", "--allow-open"):
        named = [t for t in elsewhere.foreign_hosts(port, logins.paths_of(case)) if elsewhere.EVIL in t[0]]
        return counted(
            "the same where it was told to be open", named + elsewhere.strange_origins(port), "400 or 403"
        )


@contextmanager
def with_login(root: Path, redirect: str, port: int) -> Iterator[str]:
    """A server where people sign in; yields the secret of its cookies."""
    file = root.parent / f"secrets of {port}.toml"
    with identity.running(redirect) as provider:
        file.write_text(identity.secrets_file(provider, redirect, logins.PEOPLE))
        with servers.served(root, port, "--secrets.files", str(file)):
            yield tomllib.loads(file.read_text())["auth"]["cookie_secret"]


def signing_in(root: Path, case: str, flood: int) -> tuple[list[Row], dict[str, Any]]:
    """Strangers, forgers and colleagues."""
    port = identity.free_port()
    with with_login(root, f"http://127.0.0.1:{port}/oauth2callback", port) as secret:
        owner, other, eve, viewer = (raw.Person(port) for _ in range(4))
        owner.sign_in(OWNER)
        other.sign_in(OTHER)
        eve.sign_in("eve@else.example")
        viewer.sign_in("vera@guest.example")
        sent = {"Cookie": viewer.cookie}
        upload = raw.ask(port, "/_stcore/upload_file/x/1", sent, method="PUT", body=b"x")
        tokens = logins.bad_tokens(port, case, ADMIN, identity.FLAWS)
        rows = [
            counted(
                "strangers, on every kind of address",
                logins.as_stranger(port, case, TITLE),
                "a page to sign in",
            ),
            counted("forged and expired cookies", logins.forgeries(port, case, secret, ADMIN), "401"),
            counted("tokens with a flaw", tokens, "not signed in"),
            counted(
                "answers of the provider that were stolen",
                logins.stolen_callbacks(port, ADMIN),
                "not signed in",
            ),
            counted("people on no list", logins.as_stranger(port, case, TITLE, eve.cookie), "403"),
            counted(
                "pictures of other people's cases",
                logins.others_cases(port, case, owner, other),
                "as unknown ones",
            ),
            counted(
                "copies of a cookie after signing out", logins.after_signing_out(port, case, OWNER), "401"
            ),
            counted("a viewer's upload", [("upload", upload.status != 403)], "403"),
        ]
        return rows, {"websockets": flooded(port, owner.cookie, flood)}


def flooded(port: int, cookie: str, most: int) -> dict[str, Any]:
    """How many websockets one signed-in person may hold open, and whether others are still answered meanwhile."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with ExitStack() as lines:
        held = sum(raw.hold(port, cookie, lines) for _ in range(most))
        began = time.perf_counter()
        answered = raw.ask(port, "/_stcore/health").ok
        seconds = round(time.perf_counter() - began, 3)
    strangers = sum(raw.knock(port, f"http://127.0.0.1:{port}") for _ in range(most))
    return {
        "tried": most,
        "held_by_one": held,
        "health_then": answered,
        "seconds": seconds,
        "strangers": strangers,
    }


def behind_a_proxy(root: Path, case: str) -> Row:
    """What a TLS proxy passes on: the public name, its origin, and cookies for TLS alone."""
    port = identity.free_port()
    with with_login(root, f"https://{PUBLIC}/oauth2callback", port) as secret:
        cookie = "_streamlit_user=" + logins.cookie_of(secret, f"https://{PUBLIC}", OWNER)
        host = {"Host": PUBLIC, "Cookie": cookie, "X-Forwarded-Proto": "https"}
        start = raw.ask(port, "/sign-in", host)
        login = raw.ask(port, start.all("location")[0], host)
        evil = f"https://{elsewhere.EVIL}"
        return counted(
            "behind a TLS proxy",
            [
                ("its picture is refused", not raw.ask(port, logins.paths_of(case)[2], host).ok),
                ("its page is refused", not raw.knock(port, f"https://{PUBLIC}", PUBLIC, cookie)),
                ("another page is let in", raw.knock(port, evil, PUBLIC, cookie)),
                (
                    "another name is let in",
                    raw.ask(port, "/", host | {"Host": elsewhere.EVIL}).status != 400,
                ),
                ("a cookie is not for TLS alone", not all("Secure" in c for c in login.all("set-cookie"))),
                ("no cookie", not login.all("set-cookie")),
            ],
            "name, origin and cookies as they should be",
        )


def main() -> None:
    """Do all of it and write it down."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--flood", type=int, default=200)
    flood = options.parse_args().flood
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "store"
        case = private_case(root)
        rows = [*at_home(root, case), open_starts(root), told_to_open(root, case)]
        more, figures = signing_in(root, case, flood)
        guessed = engine.other_people(Path(folder) / "of one" / "store", 50)
        rows += [*more, behind_a_proxy(root, case)]
        rows.append(
            counted("the engine, from other accounts and with guesses", guessed, "refused, nothing told")
        )
    keep("access", "Getting in where one should not", rows, **figures)


if __name__ == "__main__":
    main()
