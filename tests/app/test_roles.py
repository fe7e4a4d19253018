"""What the lists make of a login, and which addresses only this computer reaches."""

import time

import pytest

from app import access, serving
from app.access import Visitor

LISTS = {"admins": ["ada@lab.example"], "analysts": ["@lab.example"], "viewers": ["vera@guest.example"]}


def claims(email: str = "bob@lab.example", **more) -> dict:
    return {"is_logged_in": True, "email": email, "sub": "1", "iat": int(time.time())} | more


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("ada@lab.example", "admin"),
        ("ADA@Lab.Example", "admin"),
        ("bob@lab.example", "analyst"),
        ("vera@guest.example", "viewer"),
        ("eve@else.example", None),
        ("bob@evil.lab.example", None),
        ("bob@lab.example.evil.example", None),
        ("@lab.example", "analyst"),
        ("lab.example", None),
    ],
)
def test_the_highest_list_that_names_somebody_gives_the_role(email, role):
    found = access.judged(claims(email), LISTS)
    assert (found.role if isinstance(found, Visitor) else None) == role


@pytest.mark.parametrize(
    "wrong",
    [
        {"is_logged_in": False},
        {"iat": time.time() - 13 * 3600},
        {"iat": time.time() + 3600},
        {"iat": None},
        {"iat": "now"},
        {"email": "", "sub": ""},
        {"email": ["ada@lab.example"], "sub": None},
        {"email_verified": False},
    ],
)
def test_claims_that_do_not_hold_let_nobody_in(wrong):
    assert not isinstance(access.judged(claims("ada@lab.example") | wrong, LISTS), Visitor)


def test_each_role_may_do_what_the_one_below_may_and_more():
    may = {role: {a for a in access.NEEDS if Visitor("x", "x", role, True).may(a)} for role in access.ROLES}
    assert may["viewer"] == set()
    assert may["viewer"] < may["analyst"] < may["admin"] == set(access.NEEDS)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.168.1.5", "lab.example.org", "127.0.0.1.evil.example"]
)
def test_every_address_but_this_computers_is_open(address):
    assert not serving.is_loopback(address)
    assert all(map(serving.is_loopback, ("127.0.0.1", "localhost", "::1", "[::1]", "127.8.8.8")))
