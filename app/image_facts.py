"""What is known of one training image, in words."""

from app import results, rules
from app.closeups import contrasted
from app.shell import escaped
from app.state import View
from app.words import counted, quoted
from core.artifacts import Detection
from core.cases import Case
from core.collapse import votes
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.export import Rule


def level(rule: Rule) -> float:
    """Changes of influence below this count as a fall."""
    return rule.threshold if isinstance(rule, DeltaInfluence) else 0.0


def compared(case: Case, rule: Rule, i: int) -> bool:
    """Whether the rule looks at an image at all: the contrast leaves out labels that nothing was read as."""
    return not isinstance(rule, Contrast) or i in contrasted(case, rule).compared


def distance(rule: Rule, found: Detection, i: int) -> float | None:
    """How far an image is above the cut-off; None for the paper's rule, whose counts say more."""
    if isinstance(rule, DeltaInfluence):
        return None
    return float(found.suspicion[i]) - (rule.margin if isinstance(rule, Contrast) else rule.threshold)


def beyond(far: float) -> str:
    """The same in words."""
    return f"{_size(far)} {'above' if far > 0 else 'below'} the cut-off"


def shortly(far: float) -> str:
    """The same where there is little room."""
    return f"cut-off {'+' if far > 0 else '−'}{_size(far)}"


def _size(far: float) -> str:
    return f"{abs(far):.1f}" if abs(far) >= 10 else f"{abs(far):.2f}"


def facts(case: Case, view: View, found: Detection, i: int) -> dict[str, str]:
    """Everything that fits a line, as Markdown, by what it is."""
    data, rule = case.plan.poisoned.value, rules.in_force(case, view)
    delta = results.changes(case, view.query, rules.left_out(case, view)).delta
    told = {"Label": quoted(data.class_names[data.train.labels[i]])}
    told["Rule"] = ":orange-badge[flagged]" if found.flagged[i] else ":gray-badge[not flagged]"
    if truth := results.truth(case, view):
        told["Truth"] = ":red-badge[poison]" if truth.poisoned[i] else ":green-badge[clean]"
    if compared(case, rule, i):
        told |= _judged(case, rule, found, i)
    else:
        told["Evidence"] = "not compared: no picked image was read as this label"
    fall = int(votes(delta[:, [i]], level(rule))[0])
    told["Falls on"] = f"{fall} of {len(delta)} copies"
    told["Influence"] = f"{case.plan.scores.value.original(view.query)[i]:.4g}"
    return told


def _judged(case: Case, rule: Rule, found: Detection, i: int) -> dict[str, str]:
    far = distance(rule, found, i)
    name, value = (
        ("Deciding change", f"{-found.suspicion[i]:.4g}") if far is None else ("Evidence", beyond(far))
    )
    again = "flagged again" if found.flagged[i] else "flagged"
    return {name: value, "Confidence": f"{again} in {results.sureness_of(case, rule, i):.0%} of resamples"}


def side_by_side(columns: list[tuple[str, dict[str, str]]]) -> str:
    """Facts of some images as a Markdown table, an image a column."""
    rows = list(dict.fromkeys(name for _, told in columns for name in told))
    head = "| Image | " + " | ".join(title for title, _ in columns) + " |"
    lines = [f"| {row} | " + " | ".join(told.get(row, "–") for _, told in columns) + " |" for row in rows]
    return "\n".join([head, "|---" * (len(columns) + 1) + "|", *lines])


def provenance(case: Case) -> str:
    """Where the numbers come from, in one line; keys, which follow from the settings, stay out of a blind case."""
    p = case.plan
    made = p.scores.meta
    versions = ", ".join(
        f"{name} {made['versions'][name]}" for name in ("python", "torch") if name in made["versions"]
    )
    told = [f"case `{case.id}`"]
    if not case.sealed:
        told += [f"scores `{p.scores.key}`", f"victim `{p.victim.key}`"]
    told += [f"computed {made['created'][:10]}", escaped(str(made["hardware"])), versions]
    return " · ".join([*told, counted(len(p.poisoned.value.train), "training image")])
