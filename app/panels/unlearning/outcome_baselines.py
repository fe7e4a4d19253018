"""What the result is to be compared with: other sets unlearned in the same way."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.panels.unlearning import outcome_queue
from app.panels.unlearning.forget import Ways
from app.panels.unlearning.outcome_set import Chosen
from app.shell import escaped
from app.words import counted, listed, quoted
from core.cases import Case
from core.detectors.reviewed import Reviewed
from core.truth import Truth
from core.unlearned import outcomes, rivals
from core.unlearned.outcomes import Asked, Outcome, Role
from core.unlearning import emptied


@dataclass(frozen=True)
class Rival:
    """Another set: what it is for, in a sentence."""

    role: Role
    label: str
    about: str
    rows: np.ndarray | None
    """By the numbers that the pages show; None for the poisons, which the engine looks up itself."""

    @property
    def icon(self) -> str:
        """For its button."""
        return {"random": ":material/casino:", "others": ":material/swap_horiz:"}.get(
            self.role, ":material/star:"
        )


def baselines(case: Case, chosen: Chosen, how: Ways, found: list[Outcome], *, known: Truth | None) -> None:
    """One line for each set to compare with, and a button that runs the chosen methods on it."""
    with st.expander("Compare with other sets", icon=":material/balance:"):
        st.caption("The methods and seeds chosen above, on another set, on the same axes below.")
        for rival in _rivals(case, chosen, known):
            _line(case, chosen, how, rival, found)
        st.caption(
            "What other detectors flag: choose one under *Flagged by* and unlearn it; its results stay in the table."
        )


def _rivals(case: Case, chosen: Chosen, known: Truth | None) -> Iterator[Rival]:
    labels, flagged = case.plan.poisoned.value.train.labels, chosen.found.flagged
    suspected = sorted(set(case.plan.queries.value.labels.tolist()))
    names = listed(quoted(case.plan.dataset.value.class_names[k]) for k in suspected)
    drawn = rivals.random_like(labels, flagged, chosen.digest)
    others = rivals.others_of(labels, flagged, suspected)
    yield Rival(
        "random",
        "Compare with a random set",
        f"Would any removal have done it? {counted(len(drawn), 'other image')} with the same labels, drawn at random, "
        "none of them flagged.",
        drawn,
    )
    yield Rival(
        "others",
        "Remove the others instead",
        f"Do the flagged images alone keep the classifier wrong? Removes the {len(others):,} others labelled {names} "
        "and keeps the flagged ones.",
        others,
    )
    if known:
        yield Rival(
            "oracle",
            "Remove the true poisons",
            f"How good could it get? Removes exactly the {counted(len(known), 'poison')}, which only somebody who knows "
            "the truth can.",
            None,
        )


def _line(case: Case, chosen: Chosen, how: Ways, rival: Rival, found: list[Outcome]) -> None:
    st.markdown(rival.about)
    wanted = outcomes.seeds(case.run.experiment, how.seeds)
    of = "" if rival.role == "oracle" else chosen.digest
    todo = [m for m in how.methods if _left(rival, m, of, found, wanted)]
    if why := _impossible(case, rival):
        st.caption(escaped(why))
    elif how.methods and not todo:
        st.badge("computed", icon=":material/check:", color="green")
    elif st.button(
        rival.label, key=f"rival-{rival.role}", disabled=not (todo and chosen.flagged), icon=rival.icon
    ):
        rule = Reviewed() if rival.rows is None else outcomes.kept_set(case.real_rows(rival.rows), case.salt)
        outcome_queue.begin(case, [Asked(rule, m, 0, rival.role, of) for m in todo], how.seeds)
        st.rerun()


def _left(rival: Rival, method: object, of: str, found: list[Outcome], wanted: list[int]) -> list[int]:
    """Seeds that are still to be run on this set."""
    mine = [o for o in found if o.asked.role == rival.role]
    asked = Asked(Reviewed(), method, 0, rival.role, of)  # type: ignore[arg-type]
    digest = of or next((o.digest for o in mine), "")
    return outcomes.missing_seeds(mine, asked, digest, wanted)


def _impossible(case: Case, rival: Rival) -> str:
    """Why this set cannot be removed; empty where it can."""
    if rival.rows is None:
        return ""
    data = case.plan.poisoned.value
    gone = np.zeros(len(data.train.labels), bool)
    gone[rival.rows] = True
    if not gone.any():
        return "There are no such images."
    if empty := emptied(data.train.labels, gone):
        return f"No image of {listed(data.class_names[c] for c in empty)} would be left."
    return ""
