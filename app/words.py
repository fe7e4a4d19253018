"""How the pages put things: counts, lists, settings, and the short names of methods."""

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

SHORT = {
    "exact": "EU",
    "catastrophic_forgetting": "CF",
    "ssd": "SSD",
    "scrub": "SCRUB",
    "bad_teacher": "BadT",
    "contrast": "Contrast",
    "delta_influence": "Δ-Influence",
    "influence_threshold": "EK-FAC",
    "activation_clustering": "ActClust",
    "spectral_signatures": "SpecSig",
    "frequency_detector": "FreqDef",
}
"""Abbreviations that the papers use, for places where a title is too long."""


def short(method: Any) -> str:
    """A method's abbreviation where it has one, else its title."""
    return SHORT.get(method.name, type(method).title)


def counted(n: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 image, 1,200 images."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def listed(items: Iterable[str], most: int = 3) -> str:
    """A list in words: a, b and c; the rest beyond `most` is counted."""
    known = list(items)
    shown = known[:most] + ([f"{len(known) - most} more"] if len(known) > most else [])
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def transformation(kind: str) -> str:
    """What was done to a copy; a copy may only ask about another label."""
    return kind.replace("_", " ") or "only relabelled"


def quoted(name: str) -> str:
    """A class name from a stranger's file, in quotation marks and harmless in Markdown."""
    return f"“{escaped(name)}”"


def share(part: int, whole: int) -> str:
    """Part of a whole in percent, with as many digits as it takes to be told from nothing."""
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f}%" if percent >= 10 or percent == 0 else f"{percent:.2g}%"


def size(count: float) -> str:
    """Bytes in words."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}"
    return f"{count:.0f} bytes"


def value(item: Any) -> str:
    """A setting as a person would write it."""
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:g}"
    if isinstance(item, list | tuple):
        return ", ".join(value(x) for x in item) or "none"
    return "none" if item is None else str(item)


CHOICES = {
    "confident": "most confident",
    "first": "first in test order",
    "both": "both image and label",
    "image": "image only",
    "label": "label only",
    "pixel": "pixel values",
    "reference": "reference (as published)",
    "fitted": "as fitted",
    "ekfac": "EK-FAC",
    "kfac": "K-FAC",
    "identity": "identity (no curvature)",
    "step": "in steps",
    "warmup_linear": "warm-up, then linear",
    "one_cycle": "one cycle",
}
"""Settings whose names in a file are no words; each keeps the name that its explanation uses."""


def choice(item: Any) -> str:
    """One of a few settings to choose from, in words."""
    return CHOICES.get(item) or value(item)


def label(kind: type[BaseModel], name: str) -> str:
    """What a setting is called on the pages."""
    return kind.model_fields[name].title or name.replace("_", " ").capitalize()


ALWAYS = ("threshold", "tolerance", "rate")


def settings(method: BaseModel) -> str:
    """A method's settings in a few words: threshold and tolerance, and whatever is not its default."""
    told = [
        f"{label(type(method), name).lower()} {value(getattr(method, name))}"
        for name, field in type(method).model_fields.items()
        if name in ALWAYS or getattr(method, name) != field.get_default(call_default_factory=True)
    ]
    return ", ".join(told) or "default settings"


CURT = {
    "KeyError",
    "IndexError",
    "AttributeError",
    "TypeError",
    "NameError",
    "AssertionError",
    "StopIteration",
}
"""Errors whose words say too little without their name."""


def reason(error: str) -> str:
    """What went wrong in one line, without the name of the error in front where its words are enough."""
    name, colon, words = error.partition(": ")
    said = words if colon and name.isidentifier() and name not in CURT else error
    return "; ".join(line.strip() for line in said.splitlines() if line.strip())


def sentence(text: str) -> str:
    """What an error says, as a sentence that Markdown shows as it is; names of settings stay as they are."""
    first, gap, rest = text.strip().partition(" ")
    shown = (first.capitalize() if first.isalpha() and first.islower() else first) + gap + rest
    return escaped(shown if shown.endswith((".", "!", "?", ":")) else f"{shown}.")


LINKED = re.compile(r"https?:(?=//)|www(?=\.)|@(?=\w)", re.IGNORECASE)
"""After these Markdown makes a link of plain text, escaped or not; an invisible word joiner prevents it."""


def escaped(text: str) -> str:
    """Foreign text that Markdown will show as it is: class names and titles come from strangers' files."""
    unlinked = LINKED.sub(lambda found: f"{found[0]}\u2060", text)
    return "".join(f"\\{c}" if c in r"\`*_{}[]()#+-.!|<>~$:&=" else c for c in unlinked)
