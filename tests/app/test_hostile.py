"""Forged addresses and forged gestures on every page: no page fails, and none stands where it may not."""

import json

import pytest
from e2e import driving

from app import state
from app.state import View

PAGES = ("cases", *driving.PAGES[1:])
FIELDS = [name for name in View.__dataclass_fields__ if name != "case"]

GESTURES = (
    [float("nan"), float("inf")],
    {
        "primary": 2**70,
        "chosen": ["x"],
        "pinned": {},
        "actions": [{"name": 1}],
        "at": 2**70,
        "points": [[1]],
        "test": 3,
    },
    {
        "primary": -5,
        "chosen": [-5],
        "pinned": 10**8,
        "actions": [{"name": "poison", "id": -1, "serial": 1}],
        "step": "x",
    },
    {"book": None, "gestures": [7, {"id": [], "kind": "judge", "image": 10**12, "verdict": ["poison"]}]},
    "2" * 5000,
    [
        {"serial": 1, "step": "x"},
        {"serial": 2, "points": [[1]], "test": 3},
        {"serial": 2**60, "step": -1},
        {"serial": -1},
        {"serial": True, "step": 1},
        7,
    ],
)
"""What a browser can send in place of a component's own message."""


def forged(text: str) -> dict[str, str]:
    """Every field of an address with the same words."""
    return {state.PARAMETERS.get(name, name): text for name in FIELDS}


@pytest.mark.parametrize("page", PAGES)
def test_no_forged_address_breaks_a_page(page, case_id, visit, view_of):
    for text in ("99999999", "<script>![](//evil.example/x)</script>"):
        at = visit(page, v="1", case=case_id, **forged(text))
        assert not at.exception, f"{page} with {text!r}: {at.exception[0].message}"
        remarks = " ".join(toast.value for toast in at.toast)
        assert "![" not in remarks and "<script" not in remarks.replace("\\<script", "")


@pytest.mark.parametrize("page", ["investigate", "review", "sandbox"])
def test_no_forged_gesture_breaks_a_page(page, case_id, visit, commit):
    at = visit(page, v="1", case=case_id)
    assert components(at)
    for value in GESTURES:
        for key in components(at):
            at = commit(at, key, value)
            assert not at.exception, f"{page} after {value!r:.80}: {at.exception[0].message}"


def components(at) -> list[str]:
    """The names of all components of a page that take gestures."""
    told = (json.loads(c.proto.json or "null") for c in at.get("bidi_component"))
    keys = [c.proto.id.split("-", 2)[2] for c in at.get("bidi_component")]
    return [key for key, data in zip(keys, told, strict=True) if isinstance(data, dict) and "session" in data]


@pytest.mark.parametrize("session", ["", "another", None])
def test_a_message_that_is_no_gesture_of_this_session_changes_nothing(case_id, visit, view_of, tell, session):
    at = visit("investigate", v="1", case=case_id)
    before = view_of(at)
    assert components(at)
    said = {"value": [1], "token": "t"}
    for junk in ({"commit": 7}, {"commit": {"value": 3}}, [], "x", {"commit": said | {"session": session}}):
        for key in components(at):
            at = tell(at, key, junk)
            assert not at.exception, f"{junk!r}: {at.exception[0].message}"
            assert view_of(at) == before
