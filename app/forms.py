"""Widgets from the fields of a settings class: a new method gets its form from its own file."""

from collections.abc import Collection
from math import isfinite
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from app import words
from core import registry
from core.registry import Plugin, Settings

HIDDEN = ("source", "query", "mean", "std")
"""Fields that are filled in elsewhere."""
NUMBERS = (int, float)


def choose(family: str, label: str, default: str, key: str) -> type[Plugin]:
    """A select box over the methods of a family."""
    known = registry.members(family)
    names = [name for name, method in known.items() if getattr(method, "known", True) or name == default]
    name = st.selectbox(
        label, names, index=names.index(default), format_func=lambda n: known[n].title, key=f"{key}-name"
    )
    return known[name]


def shown_fields(kind: type[Settings], only: Collection[str] = ()) -> dict[str, FieldInfo]:
    """The fields that a form asks for: all that are not filled in elsewhere, or `only` these."""
    wanted = only or [name for name in kind.model_fields if name not in HIDDEN]
    return {name: kind.model_fields[name] for name in wanted}


def fields(
    kind: type[Settings],
    key: str,
    given: dict[str, Any],
    classes: tuple[str, ...] = (),
    only: Collection[str] = (),
) -> dict[str, Any]:
    """One widget per field, three in a row; returns what is chosen. `given` replaces the defaults.

    Where the class names are known, a field that holds the number of a class offers the names.
    """
    shown = list(shown_fields(kind, only).items())
    chosen: dict[str, Any] = {}
    for start in range(0, len(shown), 3):
        for column, (name, field) in zip(st.columns(3), shown[start : start + 3], strict=False):
            with column:
                default = given.get(name, field.get_default(call_default_factory=True))
                about = _asked(kind, name, field, f"{key}-{kind.__name__}-{name}")
                chosen[name] = _widget(about, default, classes)
    return chosen


class Asked(NamedTuple):
    """What a widget asks for."""

    label: str
    hint: str | None
    key: str
    kind: Any
    """The field's type without None and without bounds."""
    nullable: bool
    low: float | None
    high: float | None
    of_class: bool
    """Whether the numbers are those of classes."""

    @property
    def same(self) -> dict[str, Any]:
        """What every kind of widget is told."""
        return {"help": self.hint, "key": self.key}


def _asked(kind: type[Settings], name: str, field: FieldInfo, key: str) -> Asked:
    parts = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    rest = [part for part in parts if part is not NoneType]
    single, rules = _without_rules(rest[0]) if len(rest) == 1 else (field.annotation, [])
    rules = [*field.metadata, *rules]
    low = next((rule.ge for rule in rules if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in rules if isinstance(rule, Le)), None)
    if single is int:  # a number input knows only closed bounds; whole numbers have some
        low = next((rule.gt + 1 for rule in rules if isinstance(rule, Gt)), low)
        high = next((rule.lt - 1 for rule in rules if isinstance(rule, Lt)), high)
    return Asked(
        label=words.label(kind, name),
        hint=field.description,
        key=key,
        kind=single,
        nullable=len(rest) < len(parts),
        low=low,
        high=high,
        of_class=name.endswith(("_class", "_classes")) or name in ("class_a", "class_b"),
    )


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _without_rules(kind: Any) -> tuple[Any, list[Any]]:
    """A type without its `Annotated`, and the rules in it; those of a `Field` are looked up."""
    if get_origin(kind) is not Annotated:
        return kind, []
    plain, *notes = get_args(kind)
    rules = [rule for note in notes for rule in (note.metadata if isinstance(note, FieldInfo) else [note])]
    return plain, rules


def _widget(about: Asked, default: Any, classes: tuple[str, ...]) -> Any:
    kind = about.kind
    if about.of_class and classes and kind is int:
        return _class_box(about, default, classes)
    if get_origin(kind) is Literal:
        return _options(about, list(get_args(kind)), default)
    if kind is bool:
        return st.toggle(about.label, value=default, **about.same)
    if kind in NUMBERS:
        return _number(about, default)
    if get_origin(kind) is tuple:
        return _several(about, tuple(default), classes)
    if kind is str:
        text = st.text_input(about.label, value=default or "", **about.same)
        return None if about.nullable and not text else text
    return _number_or_text(
        st.text_input(about.label, value="" if default is None else str(default), **about.same),
        about.nullable,
    )


def _options(about: Asked, options: list[Any], default: Any, names: Any = words.choice) -> Any:
    choices = [None, *options] if about.nullable else options
    return st.selectbox(
        about.label, choices, index=choices.index(default), format_func=lambda o: names(o), **about.same
    )


def _class_box(about: Asked, default: int | None, classes: tuple[str, ...]) -> int | None:
    known = None if default is None else min(int(default), len(classes) - 1)
    here = about._replace(key=_key_of_classes(about, classes))
    return _options(here, list(range(len(classes))), known, lambda c: _class_name(c, classes))


def _key_of_classes(about: Asked, classes: tuple[str, ...]) -> str:
    return f"{about.key}-{len(classes)}-{classes[0]}"  # another dataset is another widget


def _class_name(number: int | None, classes: tuple[str, ...]) -> str:
    if number is None:
        return "any"
    return classes[number] if classes[number] == str(number) else f"{classes[number]} ({number})"


def _number(about: Asked, default: float | None) -> float | None:
    """A number input; an empty one is None where the field allows that."""
    cast = about.kind
    low, high = (None if bound is None else cast(bound) for bound in (about.low, about.high))
    look: dict[str, Any] = {"step": 1} if cast is int else {"format": "%.5g"}
    if about.nullable:
        look["placeholder"] = "none"
    start = None if default is None else cast(default)
    return st.number_input(about.label, low, high, start, **look, **about.same)


def _several(about: Asked, default: tuple[Any, ...], classes: tuple[str, ...]) -> Any:
    """Several values of one kind: names to pick from, or numbers in a line of text."""
    of = _without_rules(get_args(about.kind)[0])[0]
    if of is int and about.of_class and classes:
        known = [c for c in default if c < len(classes)]
        here = about._replace(key=_key_of_classes(about, classes))
        every = range(len(classes))
        return st.multiselect(
            here.label, every, known, format_func=lambda c: _class_name(c, classes), **here.same
        )
    if of in NUMBERS:
        return _numbers(about, of, default)
    titles = {name: method.title for name, method in registry.members("transforms").items()}
    options = list(get_args(of)) if get_origin(of) is Literal else list(titles)
    return st.pills(
        about.label,
        options,
        selection_mode="multi",
        wrap=True,
        default=list(default),
        format_func=lambda name: titles.get(name, words.value(name)),
        **about.same,
    )


def _numbers(about: Asked, kind: type[float], default: tuple[float, ...]) -> list[float | None]:
    """Numbers with commas between them. What is no number is named, and becomes None, which no field takes."""
    text = st.text_input(about.label, value=_written(default), **about.same)
    parts = [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]
    found = [_parsed(part, kind) for part in parts]
    if None in found:
        what = "whole numbers" if kind is int else "numbers"
        st.error(
            f"{about.label}: {words.quoted(parts[found.index(None)][:40])} is not one of the {what} expected here. "
            f"Put commas between {what}, for example {_written(default[:3]) or '1, 2'}."
        )
    return found


def _written(numbers: tuple[float, ...]) -> str:
    return ", ".join(f"{x:.15g}" for x in numbers)


def _parsed(text: str, kind: type[float]) -> float | None:
    try:
        number = kind(text)
    except ValueError:
        return None
    return number if isfinite(number) else None


def _number_or_text(text: str, nullable: bool) -> float | str | None:
    if nullable and text.strip().lower() in ("", "none"):
        return None
    try:
        return float(text)
    except ValueError:
        return text
