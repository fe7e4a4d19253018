"""What is to be forgotten after review: (flagged by the rule ∪ called poison) less what was called keep.

Verdicts are sticky: another cut-off moves what the rule flags, never what people said. `unsure` leaves the image to
the rule and is counted. Where several reviewers count, a policy makes one verdict of theirs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Int64

from core.artifacts import Detection
from core.review.verdict_rows import AUTO, KEEP, POISON, UNSURE

Standing = Mapping[int, str]
POLICIES = {
    "mine": "my verdicts alone",
    "both": "poison where all of us say so",
    "either": "poison where any of us says so",
}


@dataclass(frozen=True)
class FinalSet:
    """The set after review, and how it differs from what the rule flags."""

    flagged: Bool[np.ndarray, " n"]
    by_rule: int
    """How many the rule flags."""
    rescued: Int64[np.ndarray, " r"]
    """Called poison though the rule does not flag them."""
    kept: Int64[np.ndarray, " k"]
    """Called keep though the rule flags them."""
    confirmed: int
    """Verdicts poison and keep that the rule agrees with."""
    unsure: Int64[np.ndarray, " u"]
    """Left to the rule by somebody who could not tell."""

    @property
    def overrides(self) -> int:
        """How many verdicts poison or keep there are."""
        return self.confirmed + self.disagreeing

    @property
    def disagreeing(self) -> int:
        """How many of them disagree with the rule as it is set now."""
        return len(self.rescued) + len(self.kept)

    @property
    def unsure_flagged(self) -> int:
        """How many of the unsure ones are in the set because the rule flags them."""
        return int(self.flagged[self.unsure].sum())


def final_set(rule: Bool[np.ndarray, " n"], standing: Standing) -> FinalSet:
    """The set after review of what a rule flags."""
    poison, keep, unsure = (_places(standing, verdict) for verdict in (POISON, KEEP, UNSURE))
    flagged = rule.copy()
    flagged[poison] = True
    flagged[keep] = False
    rescued, kept = poison[~rule[poison]], keep[rule[keep]]
    agreeing = len(poison) - len(rescued) + len(keep) - len(kept)
    return FinalSet(flagged, int(rule.sum()), rescued, kept, agreeing, unsure)


def reviewed(found: Detection, final: FinalSet) -> Detection:
    """The set as a detection: the rule's order, with rescued images at its top and kept ones at its end."""
    suspicion = found.suspicion.copy()
    suspicion[final.rescued] = found.suspicion.max(initial=0) + 1
    suspicion[final.kept] = found.suspicion.min(initial=0) - 1
    return replace(found, suspicion=suspicion, flagged=final.flagged)


def merged(mine: Standing, others: Sequence[Standing], policy: str) -> dict[int, str]:
    """One verdict per image under a policy. Raises ValueError for a policy that there is not.

    both: poison where every reviewer says poison; either: where anyone does. Else keep where anyone says keep, and
    unsure where anyone is unsure; an image that only some have called poison yet is left to the rule.
    """
    if policy not in POLICIES:
        raise ValueError(f"policy={policy!r}: choose from {list(POLICIES)}")
    if policy == "mine" or not others:
        return dict(mine)
    everyone = [mine, *others]
    said = {i: [one.get(i, AUTO) for one in everyone] for i in sorted(set().union(*everyone))}
    enough = len(everyone) if policy == "both" else 1
    together = {i: _one(verdicts, enough) for i, verdicts in said.items()}
    return {i: verdict for i, verdict in together.items() if verdict != AUTO}


def _one(said: Sequence[str], enough: int) -> str:
    if said.count(POISON) >= enough:
        return POISON
    return next((verdict for verdict in (KEEP, UNSURE) if verdict in said), AUTO)


def conflicts(everyone: Sequence[Standing]) -> list[int]:
    """Images that some call poison and others keep."""
    called = [{i for i, verdict in said.items() if verdict == POISON} for said in everyone]
    kept = [{i for i, verdict in said.items() if verdict == KEEP} for said in everyone]
    return sorted(set().union(*called) & set().union(*kept))


def disputed(mine: Standing, others: Sequence[Standing]) -> list[int]:
    """Images on which I and somebody else have given different verdicts, in the order of their numbers."""
    return sorted(i for i, v in mine.items() if any(i in said and said[i] != v for said in others))


def _places(standing: Standing, verdict: str) -> Int64[np.ndarray, " m"]:
    return np.array(sorted(i for i, v in standing.items() if v == verdict), np.int64)
