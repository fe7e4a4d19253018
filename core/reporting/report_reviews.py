"""The part of a report about what people said, image by image, and what that makes of the flagged set."""

from dataclasses import dataclass, field

import numpy as np

from core.artifacts import Detection
from core.reporting.report_parts import Block, Fact, Facts, Text
from core.review.final_set import final_set
from core.review.verdict_rows import AUTO, KEEP, POISON, UNSURE, Ledger

NAMES = {POISON: "Confirmed as altered", KEEP: "Kept as clean", UNSURE: "Unsure, left to the rule"}


@dataclass(frozen=True)
class Reviews:
    """What people said about training images, by the numbers that the pages show, and the set that came of it."""

    verdicts: dict[int, str]
    reviewed: frozenset[int] | None = None
    """The flagged set after review; None where nobody made one."""
    reviewers: dict[int, str] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)

    def blocks(self) -> tuple[Block, ...]:
        """The section; nothing where nobody said anything."""
        if not self.verdicts:
            return ()
        said = list(self.verdicts.values())
        facts = [Fact(name, f"{said.count(verdict):,}") for verdict, name in NAMES.items()]
        if self.reviewed is not None:
            meaning = "what the rule flags, with what people called altered, without what they called clean"
            facts.append(Fact("Images in the reviewed set", f"{len(self.reviewed):,}", meaning=meaning))
        if people := sorted(set(self.reviewers.values())):
            facts.append(Fact("Reviewed by", ", ".join(people)))
        words = "People looked at images one by one. Where several did, the latest word on an image counts."
        return Text(words), Facts(tuple(facts))

    @property
    def told(self) -> dict[int, tuple[str, str, str]]:
        """Verdict, reviewer and note by image, for tables."""
        return {i: (v, self.reviewers.get(i, ""), self.notes.get(i, "")) for i, v in self.verdicts.items()}


def reviews_of(said: Ledger, found: Detection) -> Reviews | None:
    """The latest word on every image; None where there is none."""
    latest = {row.image: row for row in said.rows}
    standing = {image: row for image, row in latest.items() if row.verdict != AUTO}
    if not standing:
        return None
    verdicts = {image: row.verdict for image, row in standing.items()}
    final = final_set(np.asarray(found.flagged), verdicts).flagged
    return Reviews(
        verdicts,
        frozenset(np.flatnonzero(final).tolist()),
        {image: row.reviewer for image, row in standing.items()},
        {image: row.reason for image, row in standing.items() if row.reason},
    )
