"""What people wrote down, as JSON from elsewhere: verdicts, casebooks, run notes, sets, commitments, an engine's frames."""

import json
from collections.abc import Iterator
from typing import Any

from hostile.corpus import Hostile
from hostile.doors import N

CASE = "0123456789ab"
DEEP = {
    "100,000 lists": b"[" * 100_000,
    "100,000 tables": b'{"a":' * 100_000,
    "nothing": b"",
    "bytes that are no text": b"\xff\xfe\xfd",
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a number of 5,000 digits": b"9" * 5000,
    "null": b"null",
    "a text": b'"evil"',
    "infinity": b"Infinity",
    "half a surrogate": b'"\\ud800"',
}
"""JSON that every reader has to survive."""
DOORS = ("verdicts", "casebook", "kept_set", "commitment")


def entry(**change: Any) -> dict[str, Any]:
    """A verdict in a file."""
    return {"image": 3, "verdict": "poison", "reason": "", "at": 1.0} | change


def judged(*entries: Any, name: str = "Ann", **change: Any) -> bytes:
    """A file of verdicts."""
    about = {"format": "influence collapse verdicts", "version": 1, "case": CASE, "images": N}
    return json.dumps(about | {"reviewers": {name: list(entries)}} | change).encode()


def inputs() -> Iterator[Hostile]:
    """All of them."""
    for door in DOORS:
        for what, data in DEEP.items():
            yield Hostile(f"{door} of {what}", door, data)
    for what, data in DEEP.items():
        yield Hostile(f"a run's note of {what}", "run_note", data, lambda count: count == 1)
    yield from verdicts()
    yield from casebooks()
    yield from run_notes()
    yield from sets()
    from hostile.corpus.frames import frames

    yield from frames()


def is_left_out(found: Any) -> bool:
    """Nothing was taken for a verdict."""
    return found.verdicts == 0


def is_plain(found: Any) -> bool:
    """Names and reasons on one line, without what moves text."""
    words = [*found.said, *(reason for said in found.said.values() for _, reason in said.values())]
    return all(word.isprintable() for word in words)


def verdicts() -> Iterator[Hostile]:
    """Files for the page Review."""
    entries = {
        "an image below 0": entry(image=-1),
        "an image above the last": entry(image=N),
        "an image of 2^80": entry(image=2**80),
        "an image that is true": entry(image=True),
        "an image that is a text": entry(image="3"),
        "a float": entry(image=3.0),
        "another verdict": entry(verdict="<b>"),
        "a verdict that is a list": entry(verdict=["poison"]),
        "auto": entry(verdict="auto"),
        "a reason of 10,000 characters": entry(reason="x" * 10_000),
        "a reason that is a list": entry(reason=["x"]),
        "no table": ["poison"],
    }
    for what, one in entries.items():
        yield Hostile(f"a verdict with {what}", "verdicts", judged(one), is_left_out)
    for what, reason in {
        "markup": "<script>",
        "an image": "![x](//e.x)",
        "bidi": "a\u202eb",
        "NUL": "a\0b",
    }.items():
        yield Hostile(
            f"a reason with {what}", "verdicts", judged(entry(reason=reason), name=f"<b>{reason}"), is_plain
        )
    for what, name in {
        "no name": "",
        "blank name": "\u200b",
        "a name that shows nothing": "\u3164",
        "a long name": "x" * 9000,
    }.items():
        yield Hostile(what, "verdicts", judged(entry(), name=name))
    for what, change in {
        "another case": {"case": "ba9876543210"},
        "a case with markup": {"case": "<b>\x1b[31m\u202e"},
        "another size": {"images": N + 1},
        "a size that is a list": {"images": [N]},
        "another version": {"version": "\u202e<b>"},
        "another format": {"format": "evil"},
        "reviewers in a list": {"reviewers": []},
        "a reviewer who is a text": {"reviewers": {"Ann": "x"}},
        "21 reviewers": {"reviewers": {str(i): [] for i in range(21)}},
        "6 MB": {"more": "x" * 6_000_000},
    }.items():
        yield Hostile(f"verdicts with {what}", "verdicts", judged(entry(), **change))


def casebooks() -> Iterator[Hostile]:
    """The people's rows in a bundle."""
    said = {
        "id": 1,
        "undoes": None,
        "case_id": CASE,
        "image": 3,
        "reviewer": "Ann",
        "verdict": "poison",
        "reason": "",
        "at": 1.0,
    }
    view = {
        "case_id": CASE,
        "page": "investigate",
        "name": "mine",
        "address": "{}",
        "starred": 0,
        "created": 1.0,
    }
    rows = {
        "another case": {"case_id": "x"},
        "a case that is a list": {"case_id": [1]},
        "an image above the last": {"image": N},
        "an image that is true": {"image": True},
        "a row that undoes itself": {"undoes": 1},
        "a row that undoes a list": {"undoes": [1]},
        "a name with bidi": {"reviewer": "a\u202eb"},
        "a name that is a list": {"reviewer": ["a"]},
        "a reason of 10,000 characters": {"reason": "x" * 10_000},
        "another verdict": {"verdict": "evil'); DROP TABLE verdicts; --"},
        "a time that is none": {"at": float("nan")},
        "a time in 10^12 years": {"at": 1e20},
        "another column": {"evil": 1},
        "a number that is a text": {"id": "1"},
    }
    for what, change in rows.items():
        yield Hostile(f"a row with {what}", "casebook", book([said | change], []))
    yield Hostile("two rows of one number", "casebook", book([said, said], []))
    for what, change in {
        "an address 100,000 deep": {"address": "[" * 100_000},
        "an address that is a list": {"address": "[]"},
        "an address of numbers": {"address": '{"a": 1}'},
        "an address of 10,000 characters": {"address": json.dumps({"a": "x" * 10_000})},
        "an address that is a number": {"address": 7},
        "a page with slashes": {"page": "../../etc"},
        "a page with markup": {"page": "<b>"},
        "a name with bidi": {"name": "a\u202eb"},
        "a name that is a list": {"name": ["a"]},
        "a star of 2": {"starred": 2},
    }.items():
        yield Hostile(f"a view with {what}", "casebook", book([], [view | change]))
    yield Hostile("a casebook of lists", "casebook", json.dumps({"verdicts": {}, "saved_views": {}}).encode())
    yield Hostile(
        "a casebook of numbers", "casebook", json.dumps({"verdicts": [1], "saved_views": []}).encode()
    )


def book(said: list[Any], views: list[Any]) -> bytes:
    """A casebook as bundles have it."""
    return json.dumps({"verdicts": said, "saved_views": views}).encode()


def run_notes() -> Iterator[Hostile]:
    """Notes of runs: unreadable ones are named on the page Cases, and the list stays whole."""
    from core.experiment import Experiment

    told = {
        "created": "2026-01-01T00:00:00Z",
        "experiment": Experiment.from_toml("digits-badnet").model_dump(mode="json"),
    }
    for what, change in {
        "a date that is a number": {"created": 7},
        "a date that is a list": {"created": []},
        "a date with markup": {"created": "<script>"},
        "no date": {"created": None},
        "an experiment that is a list": {"experiment": []},
        "an experiment of another program": {"experiment": {"evil": 1}},
        "a path out of the store": {"experiment": {"dataset": "../../etc"}},
    }.items():
        yield Hostile(
            f"a note with {what}", "run_note", json.dumps(told | change).encode(), lambda count: count == 1
        )


def sets() -> Iterator[Hostile]:
    """Sets under a name that is not theirs, and commitments that do not hold."""
    for what, told in {
        "other rows": {"rows": [1], "salt": ""},
        "rows that are texts": {"rows": ["1"], "salt": ""},
        "rows of 2^80": {"rows": [2**80], "salt": ""},
        "no salt": {"rows": [1]},
        "deep rows": {"rows": [[[1]]], "salt": ""},
        "a list": [1],
    }.items():
        yield Hostile(f"a set with {what}", "kept_set", json.dumps(told).encode())
    whole = {"digest": "0" * 64, "salt": "s", "rows": [1], "rule": "{}"}
    for what, change in {
        "another digest": {},
        "rows of infinity": {"rows": [float("inf")]},
        "rows that are a text": {"rows": "12"},
        "rows that are a table": {"rows": {"a": 1}},
        "a digest that is a list": {"digest": [1]},
        "a digest with escapes": {"digest": "\x1b[31m\u202e"},
        "lists in a salt": {"salt": [["x"] * 3]},
    }.items():
        yield Hostile(f"a commitment with {what}", "commitment", json.dumps(whole | change).encode())
