"""The parts of the New investigation page: presets, one method of a kind, several, and whose flags to unlearn."""

import inspect
from functools import cache
from typing import Any

import streamlit as st

from app import forms, words
from app.shell import escaped
from core import paths, registry
from core.experiment import Experiment
from core.registry import Plugin

FOLDERS = {
    "paper/cpu": "after the papers, small enough for a CPU",
    "paper/full": "after the papers, full size, for a GPU",
}


@cache
def presets() -> dict[str, Experiment]:
    """Every shipped experiment that can be read, by its name: the project's own first, then those in folders."""
    files = sorted(paths.EXPERIMENTS.rglob("*.toml"), key=lambda p: (len(p.parts), str(p)))
    found: dict[str, Experiment] = {}
    for file in files:
        try:
            found[str(file.relative_to(paths.EXPERIMENTS).with_suffix(""))] = Experiment.from_toml(file)
        except ValueError:  # made for methods that are not here
            continue
    return found


def preset_title(name: str) -> str:
    """A preset's title with the folder it is in, for two may share a title."""
    folder = name.rpartition("/")[0]
    return presets()[name].title + (f" ({FOLDERS.get(folder, folder)})" if folder else "")


def one(
    family: str, label: str, base: dict[str, Any], key: str, classes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A method and its settings, as in an experiment; those of `base` where its method is kept."""
    kind = forms.choose(family, label, base["name"], key=key)
    given = base if kind.name == base["name"] else {}
    return _told(kind, given, key, classes)


def several(family: str, label: str, base: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """Any number of methods, each with its settings in an expander of its own."""
    known = registry.members(family)
    given = {method["name"]: method for method in base}
    picked = st.pills(
        label,
        list(known),
        selection_mode="multi",
        default=list(given),
        key=key,
        wrap=True,
        format_func=lambda name: known[name].title,
    )
    chosen = []
    for name in sorted(picked, key=lambda n: (list(given) + list(known)).index(n)):
        kind = known[name]
        if not forms.shown_fields(kind):
            chosen.append({"name": name} | given.get(name, {}))
            continue
        with st.expander(f"Settings of {kind.title}"):
            st.caption(escaped(inspect.getdoc(kind).splitlines()[0]))
            chosen.append(_told(kind, given.get(name, {}), f"{key}-{name}"))
    return chosen


def _told(
    kind: type[Plugin], given: dict[str, Any], key: str, classes: tuple[str, ...] = ()
) -> dict[str, Any]:
    hidden = {name: value for name, value in given.items() if name in forms.HIDDEN}
    return {"name": kind.name} | hidden | forms.fields(kind, key, given, classes)


def unlearn_after(detectors: list[str], base: list[str], key: str) -> list[str]:
    """Detectors whose flags the unlearners forget, each apart."""
    if not detectors:
        return []
    titles = {name: method.title for name, method in registry.members("detectors").items()}
    picked = st.pills(
        "Unlearn what these flag",
        detectors,
        selection_mode="multi",
        default=[name for name in base if name in detectors],
        key=f"{key}-{'-'.join(detectors)}",  # other detectors are another widget
        wrap=True,
        format_func=titles.get,
        help="Every unlearner forgets the flagged set of each of these, one after the other: the time multiplies.",
    )
    return [name for name in detectors if name in picked]


def asks_for(detectors: list[str], evidence: str) -> bool:
    """Whether one of the detectors reads this evidence."""
    known = registry.members("detectors")
    return any(evidence in inspect.signature(known[name].detect).parameters for name in detectors)


def multiplied(detectors: int, unlearners: int) -> str:
    """How many models unlearning will make, in words."""
    made = words.counted(detectors * unlearners, "model")
    return f"{words.counted(detectors, 'flagged set')} × {words.counted(unlearners, 'unlearner')}: {made} to make."
