"""Where the figures of a report come from: which stored result, made when, on what, by which versions.

In a blind or hidden case no key is told: it is a digest of settings that name the attack.
"""

from typing import Any

from core.pipeline import Plan
from core.store import Artifact

WORDS = {
    "load_dataset": "The images and their labels",
    "train": "The classifier's weights and training curves",
    "affected_queries": "The picked test images and what the classifier says about them",
    "picked_queries": "The picked image and what the classifier says about it",
    "score_pairs": "Influence of every training image on every picked, transformed and control image",
    "evaluate": "Examination on the test set",
    "unlearn": "The model after unlearning",
    "detect": "What the detector flagged",
    "choose_poisons": "The truth: what the attack altered",
}
RULE = "rule"
"""Source of figures that the rule gives when it is applied to the scores."""


def of_artifact(artifact: Artifact[Any], *, discreet: bool) -> str:
    """One stored result in a sentence."""
    meta, stage = artifact.meta, artifact.stage.name
    name = WORDS.get(stage, stage.replace("_", " "))
    key = "" if discreet else f" Result {stage}/{artifact.key}."
    when = meta["created"].replace("T", " ").replace("Z", " UTC")
    return f"{name}: computed {when} on {meta['hardware']} in {meta['seconds']:.1f} s.{key}"


def of_plan(p: Plan, *, discreet: bool) -> dict[str, str]:
    """The sources that every report has, by name."""
    known = {"images": p.dataset, "classifier": p.victim, "picked": p.queries, "scores": p.scores}
    told = {
        name: of_artifact(a, discreet=discreet) for name, a in (known | {"examination": p.before}).items()
    }
    return told | {
        RULE: "The rule of this report, applied to the influence scores; nothing about it is random: the same scores "
        "and settings give the same set."
    }


def versions(p: Plan) -> str:
    """Versions of what computed the results, in one line."""
    found = p.scores.meta["versions"]
    return ", ".join(f"{name} {number}" for name, number in found.items()) or "unknown"
