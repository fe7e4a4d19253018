"""Which of these images does the investigator mean? A grid of cards, picked by mouse or keyboard.

`gallery` picks one image or several; `workbench` tells the image in the inspector from the set and from the pinned one.

A pick costs one rerun and never rebuilds the cards. Everything shown as text stays text: titles are foreign
(class names), so they are cleaned here and written with `textContent` in the browser.
"""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import streamlit as st

from app.components.controlled import agreement, last, once, source, taken, told

_HERE = Path(__file__).parent
_SCRIPTS = ("../mounting.js", "cards.js", "picking.js", "bench.js", "component.js")
_MOUNT = st.components.v2.component(
    "influence_gallery", css=source(_HERE, "style.css"), js=source(_HERE, *_SCRIPTS)
)
_RASTER = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))
_LONGEST_TEXT, _LARGEST_ID = 80, 10**9

ImageId = int | str


class Item(TypedDict):
    """One card. `src` is a path on this server or a raster `data:` URL; `strip` holds values in [-1, 1]."""

    id: ImageId
    src: str
    title: str
    lines: NotRequired[list[str]]
    badge: NotRequired[str | None]
    flagged: NotRequired[bool]
    strip: NotRequired[list[float] | None]
    alt: NotRequired[str]


def gallery(
    items: Sequence[Item],
    *,
    key: str,
    label: str,
    columns: int | None = None,
    selected: ImageId | Sequence[ImageId] | None = None,
    size: int = 72,
    multi: bool = False,
) -> ImageId | list[ImageId] | None:
    """The picked image's id (with `multi` the list of ids): the pick just made, else `selected`.

    With `selected` None the gallery remembers its own pick. A page that owns the selection passes what it was
    given last, and an empty list for nothing. A pick stays when its image is not among `items` any more.

    columns  at most so many, fewer where they do not fit
    size     side of a picture in pixels
    label    names the grid for screen readers
    """
    look = _look(items, key, label, size) | {"columns": columns, "multi": multi, "bench": None}
    rest = {"primary": None, "pinned": None, "done": 0, "own": selected is None}
    given = None if selected is None else _ids(selected)
    kinds = {type(item["id"]) for item in items}

    def picked(value: Any) -> list[ImageId]:
        if any(type(one) not in kinds for one in _ids(value)):
            raise ValueError("no image of this gallery")
        return _ids(value)

    with agreement(key, given, picked, nothing=[]) as current:
        _mount(key, look | rest | {"selected": current})
    if multi:
        return current
    return current[0] if current else None


@dataclass(frozen=True)
class Action:
    """What a key asked for, and the image in focus then."""

    name: str
    id: ImageId


@dataclass(frozen=True)
class Selection:
    """The image in the inspector, the set that is selected with it, the pinned one, and what keys asked for."""

    primary: ImageId | None = None
    chosen: tuple[ImageId, ...] = ()
    pinned: ImageId | None = None
    actions: tuple[Action, ...] = ()
    """In order; each is told once, however fast they came."""
    most: int = 60
    """How many images the set may hold."""


def workbench(
    items: Sequence[Item],
    *,
    key: str,
    label: str,
    selection: Selection,
    keys: Mapping[str, str] | None = None,
    on_gesture: Callable[[Selection], object],
) -> None:
    """Show the page's selection; `on_gesture` is told the one that a gesture asks for, before the page runs again.

    Click, Enter or Space: primary. Shift extends the set, Ctrl or Cmd toggles one in it, Esc empties it. N pins the
    primary or lets go of it. J and K go on and back; beyond the page they are the actions `next` and `previous` of the
    primary. Ids outside `items` stay selected: they are on other pages.

    keys  more letters, each with the name of an action on the card in focus: `{"p": "poison", "z": "undo"}`; what they
          asked for comes as `actions`
    """
    look = _look(items, key, label, 72) | {"columns": None, "multi": True}
    data = look | {"bench": {"keys": dict(keys or {}), "most": selection.most}}
    stands = {"primary": selection.primary, "pinned": selection.pinned, "selected": list(selection.chosen)}

    def read(value: dict[str, Any]) -> Selection:
        primary, chosen, pinned = value["primary"], _ids(value["chosen"]), value["pinned"]
        if not all(one is None or _is_id(one) for one in (primary, pinned)):
            raise ValueError("no selection")
        asked = [a for a in once(key, value.get("actions")) if _is_action(a)]
        actions = tuple(Action(a["name"], a["id"]) for a in asked)
        return Selection(primary, tuple(chosen), pinned, actions, selection.most)

    _mount(key, data | stands | {"done": last(key)}, taken(key, read, on_gesture))


def _is_action(asked: dict[str, Any]) -> bool:
    return isinstance(asked.get("name"), str) and _is_id(asked.get("id"))


def _is_id(value: Any) -> bool:
    whole = type(value) is int and abs(value) < _LARGEST_ID
    return whole or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)


def _look(items: Sequence[Item], key: str, label: str, size: int) -> dict[str, Any]:
    """What the cards are, apart from what is selected."""
    cards = [_card(item) for item in items]
    if len({card["id"] for card in cards}) < len(cards):
        raise ValueError(f"gallery {key!r} has two items with the same id: ids must be unique")
    return {"items": cards, "size": size, "label": plain(label)}


def _mount(key: str, data: dict[str, Any], heard: Callable[[], None] = lambda: None) -> None:
    _MOUNT(key=key, data=data | told(key), on_commit_change=heard)


def plain(text: str) -> str:
    """Foreign text made safe to show: no control or direction-changing characters, at most 80 characters."""
    shown = "".join(c for c in str(text) if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co"))
    return shown if len(shown) <= _LONGEST_TEXT else shown[: _LONGEST_TEXT - 1] + "…"


def _ids(selected: Any) -> list[ImageId]:
    ids = [selected] if isinstance(selected, int | str) else list(selected)
    if isinstance(selected, dict) or not all(map(_is_id, ids)):
        raise ValueError("no selection")
    return ids


def _card(item: Item) -> dict[str, Any]:
    strip = item.get("strip")
    return {
        "id": item["id"],
        "src": _own(item["src"]),
        "title": plain(item["title"]),
        "lines": [plain(line) for line in item.get("lines", [])],
        "badge": plain(badge) if (badge := item.get("badge")) else None,
        "flagged": bool(item.get("flagged", False)),
        "strip": None if strip is None else [round(min(1.0, max(-1.0, float(v))), 2) for v in strip],
        "alt": plain(item.get("alt") or item["title"]),
    }


def _own(src: str) -> str:
    """The address unchanged, if it cannot make the browser ask another server."""
    here = src.startswith("/") and not src.startswith("//") and "\\" not in src and src.isprintable()
    if here or src.startswith(_RASTER):
        return src
    raise ValueError(f"src={src[:60]!r}: expected a path starting with one '/' or a raster data: URL")
