"""Forged addresses and gestures: every field of the view, the sandbox's scene, a picked image, a way of measuring."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from hostile.corpus import Hostile

FORGED = (
    "", " ", "-1", "0", "-0", "1e400", "nan", "inf", "-inf", "9" * 63, "-" + "9" * 60, "9" * 5000, "1_0", "\u0663", "\u00b2",
    "0x10", "1.5", "[]", "{}", "null", "true", "None", "<script>window.__pwned=1</script>", "![](//evil.example/x)",
    "[x](javascript:alert(1))", "'; DROP TABLE verdicts; --", "../../etc/passwd", "%00", "a\0b", "\u202eabc", "\ud800",
    "x" * 1_000_000, "show\n", "test-99999999", "upload-" + "0" * 32, "0.0.0", "17.99999999", "k2_t9.9", ".",
)  # fmt: skip
"""Values that anybody can write behind a `=`."""


def legal(told: Any) -> bool:
    """A view that its own address brings back, and remarks that Markdown shows as they are."""
    from dataclasses import asdict

    from app import state

    view, remarks = told
    again, more = state.parse(state.parameters_of(view))
    kinds = all(
        type(value) is type(default)
        for value, default in zip(asdict(view).values(), asdict(state.View()).values(), strict=True)
    )
    limits = all(not isinstance(value, int) or abs(value) < 2**53 for value in asdict(view).values())
    chosen = all(getattr(view, name) in choices for name, choices in state.CHOICES.items())
    floats = all(
        np.float32(value) == np.float32(getattr(again, name))
        for name, value in asdict(view).items()
        if isinstance(value, float)
    )
    same = floats and all(
        value == getattr(again, name) for name, value in asdict(view).items() if not isinstance(value, float)
    )
    plain = not any(re.search(r"(?<!\\)[!<\[(]", remark) for remark in remarks)
    return same and not more and kinds and limits and chosen and plain


def inputs() -> Iterator[Hostile]:
    """All of them; the fields are those that there are."""
    from dataclasses import fields

    from app import state

    for field in fields(state.View):
        name = state.PARAMETERS.get(field.name, field.name)
        for number, text in enumerate(FORGED):
            yield Hostile(
                f"{field.name} = {text[:30]!r} ({number})",
                "address",
                {"v": "1", "case": "x", name: text},
                legal,
            )
    for number, text in enumerate(FORGED):
        yield Hostile(f"version {text[:30]!r} ({number})", "address", {"v": text, "case": text}, legal)
        if text:
            yield Hostile(
                f"a picked image {text[:30]!r} ({number})",
                "pick",
                text,
                lambda found, text=text: found.text == text,
            )
    for number, text in enumerate(SCENES):
        yield Hostile(f"a scene {text[:40]!r} ({number})", "scene", text, stays)
    for number, picture in enumerate(PICTURES):
        yield Hostile(f"a gesture {str(picture)[:40]} ({number})", "gesture", picture, stays)
    for number, text in enumerate(MEASURES):
        yield Hostile(f"measured {text[:40]!r} ({number})", "measure", text)


def stays(scene: Any) -> bool:
    """A scene that its address brings back, small enough, with points that can be drawn."""
    from core.learn.sandbox_scene import Scene

    return (
        Scene.parse(scene.text).text == scene.text
        and len(scene.text) <= 2000
        and bool(np.isfinite(scene.points(0).at).all())
    )


SCENES = [
    *FORGED, "k9", "k-1", "t1", "t1.2.3", "t" + "9" * 400 + ".1", "m1.2", "m0.99999999999.1", "m999999.1.1", "l0.99",
    "l0.-5", "d99999", "a9.1.1", "a0.99999.-99999", "c1e9", "cnan", "cinf", "w999", "hx", "u7", "k2_k3_k2", "_" * 500,
    "_".join(f"a0.{i}.1" for i in range(61)), "_".join(f"d{i}" for i in range(61)), "m" + "." * 1000, "z1", "k\u0662",
]  # fmt: skip
PICTURES: list[Any] = [
    None, 7, "x", [], {}, {"points": None, "test": [0, 0]}, {"points": [], "test": []}, {"points": [], "test": [0]},
    {"points": [], "test": [float("nan"), 0]}, {"points": [], "test": [float("inf"), 0]}, {"points": [[0]], "test": [0, 0]},
    {"points": [["a", "b", "c", "d"]], "test": [0, 0]}, {"points": [[0, 1e300, 0, 0]], "test": [0, 0]},
    {"points": [[0, float("nan"), 0, 0]], "test": [0, 0]}, {"points": [[2**70, 0, 0, 0]], "test": [0, 0]},
    {"points": [[1000 + i, 0, 0, 0] for i in range(500)], "test": [0, 0]}, {"points": [[0, 0, 0, 99]], "test": [0, 0]},
    {"points": {"a": 1}, "test": [0, 0]}, {"points": [[0, 0, 0, 0]] * 100_000, "test": [0, 0]},
    {"points": [[1, 2, 3, None]], "test": {}},
]  # fmt: skip
MEASURES = [
    "d=nan", "d=inf", "d=-1", "d=0", "d=", "d=x", "d=1e999", "c=evil", "c=", "x=1", "d", ",", "=", "d=1,d=x", "l=,x",
    "<b>=1", "d=" + "9" * 900,
]  # fmt: skip
