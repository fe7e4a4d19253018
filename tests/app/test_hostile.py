"""Forged addresses and forged gestures on every page: no page fails, and none stands where it may not."""

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
def test_no_forged_gesture_breaks_a_page(page, case_id, visit):
    at = visit(page, v="1", case=case_id)
    keys = [key for key in list(at.session_state._state.filtered_state) if key.endswith("_agreed")]
    assert keys
    for number, value in enumerate(GESTURES):
        for key in keys:
            at.session_state[key[1:].removesuffix("_agreed")] = {
                "commit": {"value": value, "token": f"t{number}"}
            }
        at.run()
        assert not at.exception, f"{page} after {value!r:.80}: {at.exception[0].message}"


def test_a_message_that_is_no_gesture_changes_nothing(case_id, visit, view_of):
    at = visit("investigate", v="1", case=case_id)
    before = view_of(at)
    keys = [
        key[1:].removesuffix("_agreed")
        for key in list(at.session_state._state.filtered_state)
        if key.endswith("_agreed")
    ]
    for junk in ({"commit": 7}, {"commit": {"value": 3}}, [], "x"):
        for key in keys:
            at.session_state[key] = junk
        at.run()
        assert not at.exception, f"{junk!r}: {at.exception[0].message}"
        assert view_of(at) == before
