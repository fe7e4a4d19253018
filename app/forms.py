"""Widgets from the fields of a settings class: a new method gets its form from its own file."""

from types import NoneType
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from core import registry
from core.registry import Plugin, Settings

HIDDEN = ("source", "query")
"""Fields that are filled in elsewhere."""


def choose(family: str, label: str, default: str, key: str) -> type[Plugin]:
    """A select box over the methods of a family."""
    known = registry.members(family)
    names = list(known)
    name = st.selectbox(
        label, names, index=names.index(default), format_func=lambda n: known[n].title, key=f"{key}-name"
    )
    return known[name]


def fields(
    kind: type[Settings], key: str, given: dict[str, Any], classes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """One widget per field, three in a row; returns what is chosen. `given` replaces the defaults.

    Where the class names are known, a field that holds the number of a class offers the names.
    """
    shown = [(name, field) for name, field in kind.model_fields.items() if name not in HIDDEN]
    chosen: dict[str, Any] = {}
    for start in range(0, len(shown), 3):
        for column, (name, field) in zip(st.columns(3), shown[start : start + 3], strict=False):
            with column:
                default = given.get(name, field.get_default(call_default_factory=True))
                place = f"{key}-{kind.__name__}-{name}"
                if classes and name.endswith("_class"):
                    chosen[name] = _class_box(
                        name, field, min(int(default), len(classes) - 1), classes, place
                    )
                else:
                    chosen[name] = _widget(name, field, default, place)
    return chosen


def _label(name: str, field: FieldInfo) -> str:
    return field.title or name.replace("_", " ").capitalize()


def _class_box(name: str, field: FieldInfo, default: int, classes: tuple[str, ...], key: str) -> int:
    shown = f"{key}-{len(classes)}-{classes[0]}"  # another dataset is another widget
    return st.selectbox(
        _label(name, field),
        range(len(classes)),
        index=default,
        format_func=lambda c: classes[c] if classes[c] == str(c) else f"{classes[c]} ({c})",
        help=field.description,
        key=shown,
    )


def _widget(name: str, field: FieldInfo, default: Any, key: str) -> Any:
    label, hint, kind = _label(name, field), field.description, field.annotation
    if get_origin(kind) is Literal:
        options = list(get_args(kind))
        return st.selectbox(label, options, index=options.index(default), help=hint, key=key)
    if kind is bool:
        return st.toggle(label, value=default, help=hint, key=key)
    if kind is int:
        low, high = _bounds(field)
        return st.number_input(label, low, high, int(default), step=1, help=hint, key=key)
    if kind is float:
        low, high = _bounds(field)
        return st.number_input(label, low, high, float(default), format="%.5g", help=hint, key=key)
    if get_origin(kind) is tuple:
        options = list(registry.members("transforms"))
        titles = registry.members("transforms")
        return st.pills(
            label,
            options,
            selection_mode="multi",
            wrap=True,
            default=list(default),
            format_func=lambda name: titles[name].title,
            help=hint,
            key=key,
        )
    text = st.text_input(label, value=str(default), help=hint, key=key)
    return _number_or_text(text) if kind is not str and kind is not NoneType else text


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _bounds(field: FieldInfo) -> tuple[Any, Any]:
    low = high = None
    for rule in field.metadata:
        if isinstance(rule, Ge):
            low = rule.ge
        elif isinstance(rule, Le):
            high = rule.le
        elif isinstance(rule, Gt | Lt):
            continue  # open bounds are checked on the server: a number input knows only closed ones
    return _cast(low, field), _cast(high, field)


def _cast(bound: Any, field: FieldInfo) -> Any:
    return None if bound is None else field.annotation(bound)  # type: ignore[misc]
