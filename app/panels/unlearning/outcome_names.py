"""What outcomes of unlearning are called on the page, no two alike."""

from collections import Counter
from collections.abc import Sequence

from app import words
from core.unlearned.outcome_figures import Result

SHORT_DIGEST = 8
"""Digits of a digest that are shown."""
ROLES = {
    "random": "random set",
    "others": "the label's others",
    "oracle": "true poisons",
}
"""What is removed where it is not what somebody flagged."""
VICTIM = "victim"


def labels(found: Sequence[Result], digest: str) -> dict[str, str]:
    """A short name for each result by its id; those of another set than `digest` say so."""
    plain = [_label(result, digest) for result in found]
    seen: Counter[str] = Counter()
    made = {}
    for result, label in zip(found, plain, strict=True):
        seen[label] += 1
        made[result.id] = label if seen[label] == 1 else f"{label} ({seen[label]})"
    return made


def _label(result: Result, digest: str) -> str:
    asked, method = result.first.asked, words.short(result.first.unlearner)
    what = ROLES.get(asked.role, "")
    if not result.about(digest):
        other = f"{result.first.flagged:,} of {words.short(asked.rule)}"
        what = f"{what}, other set" if what else other
    return f"{method} · {what}" if what else method


def set_of(result: Result, digest: str) -> str:
    """Which set was removed, in words."""
    asked, count = result.first.asked, words.counted(result.first.flagged, "image")
    mine = result.about(digest)
    if asked.role == "flags":
        return f"this set ({count})" if mine else f"another set ({count})"
    compared = "" if mine or asked.role == "oracle" else ", for another set"
    return f"{ROLES[asked.role]} ({count}{compared})"
