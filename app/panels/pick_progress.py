"""While the scores of a picked image arrive: how far it is, what can be seen already, and how to stop it."""

import numpy as np
import streamlit as st

from app import answers, images, shell
from app.components.gallery import gallery
from app.shell import escaped
from app.state import View
from app.words import counted, quoted
from core import collapse
from core.cases import Case
from core.detectors.delta_influence import DeltaInfluence
from core.engine import questions
from core.engine.answer import Answer

QUICK = 0.5
"""Seconds that a script run waits, so that a quick answer needs no progress bar."""
LOOK_SECONDS = 0.4
MOST = 12


def arriving(own: Case, case: Case, view: View) -> None:
    """Ask, and look again until the answer is complete; then the page goes on by itself."""
    question = questions.about_scores(case.plan)
    answer = answers.to(question)
    had_read = case.plan.queries.done
    answer.wait(QUICK)

    def look() -> None:
        if answer.state == "done":
            answers.forget(question)
        if answer.state == "done" or (answer.ready and not had_read):
            st.rerun()
        if answer.state == "asking":
            _progress(answer)
            if st.button("Cancel", icon=":material/stop:", key="cancel-question"):
                answer.cancel()
                st.rerun()
        else:
            _ended(answer)
            if st.button("Ask again", icon=":material/replay:", key="ask-again"):
                answers.forget(question)
                st.rerun()
        if answer.parts:
            _so_far(answer, own, case, view)

    st.fragment(look, run_every=LOOK_SECONDS if answer.state == "asking" else None)()


def _progress(answer: Answer) -> None:
    done, total = answer.scored
    if total:
        st.progress(done / total, text=f"Influence of {done:,} of {total:,} training images")
    else:
        steps, of = answer.steps
        words = f"{steps:,} of {of:,}" if of else ""
        doing = shell.STAGES.get(answer.stage) or "opening the case"
        once = " (once for this case; it is kept)" if answer.stage == "fit_factors" else ""
        st.progress(
            steps / of if of else 0.0, text=" · ".join(filter(None, (doing + once, answer.phase, words)))
        )
    if answer.restarts:
        st.caption("The engine ended unexpectedly; it was started again and asked again.")


def _ended(answer: Answer) -> None:
    if answer.state == "cancelled":
        st.info("Stopped. What had been computed is kept.", icon=":material/stop_circle:")
    else:
        st.error(f"The engine could not answer. {escaped(answer.error)}", icon=":material/error:")


def _so_far(answer: Answer, own: Case, case: Case, view: View) -> None:
    """What the label that comes first shows before the others are scored."""
    data, copies = own.plan.poisoned.value, len(case.plan.changed.value)
    rows = own.places(np.concatenate([part.rows for part in answer.parts]))
    order = np.argsort(rows)
    values = np.concatenate([part.values for part in answer.parts], axis=1)[:, order]
    rows = rows[order]
    label = int(case.plan.queries.value.labels[0])
    among = data.train.labels[rows] == label
    delta = values[1 : 1 + copies, among] - values[:1, among]
    rule = DeltaInfluence(threshold=view.threshold, tolerance=min(view.tolerance, copies - 1))
    found = rule.judge(collapse.sorted_changes(delta))
    of = int((data.train.labels == label).sum())
    st.markdown(
        f"**{counted(int(found.flagged.sum()), 'image')} flagged** among {len(found.flagged):,} of the {of:,} labelled "
        f"{quoted(data.class_names[label])}, which are scored first: most attacks put their poisons there."
    )
    first = np.argsort(-found.suspicion, kind="stable")[:MOST]
    votes, names = collapse.votes(delta, view.threshold), data.class_names
    items = [
        {
            "id": int(row),
            "src": images.address(own.id, "train", int(row)),
            "title": names[label],
            "lines": [f"{votes[i]} of {copies} fall"],
            "flagged": bool(found.flagged[i]),
            "alt": f"training image {row}, label {names[label]}, {votes[i]} of {copies} changes below the threshold",
        }
        for i, row in zip(first, rows[among][first], strict=True)
    ]
    gallery(items, key=f"soon-{case.id}", label="most suspect so far", selected=[])
