"""Downloads of unlearning: the cleaned model with the record of its making, and the table of results."""

import streamlit as st

from app.panels.unlearning.outcome_compare import Sides
from app.panels.unlearning.outcome_names import set_of
from app.panels.unlearning.outcomes import Shown
from core.unlearned import outcome_figures, outcome_files, outcomes


def downloads(what: Shown, both: Sides) -> None:
    """Buttons; the files are made when asked for."""
    made, p = both.outcome, outcomes.own_plan(what.case.plan, what.case.plan.dataset.store)
    name = "blind" if what.case.sealed else made.digest[:8]  # see core.sets.digest_of
    stem = f"{made.unlearner.name}-{name}-seed{made.asked.seed}"
    told = outcome_figures.figures(made.report, made.forgotten, what.case.plan.queries.value)
    visible = {name: told[name] for name in what.figures}
    named = [
        (
            {
                "model": type(r.first.unlearner).title,
                "removed": set_of(r, what.digest),
                "set": "" if what.case.sealed else r.first.digest,
                "settings": r.first.unlearner.model_dump_json(),
            },
            r,
        )
        for r in what.results
    ]
    files = {
        f"{stem}.safetensors": lambda: outcome_files.weights(made.made.model, sealed=what.case.sealed),
        f"{stem}.json": lambda: outcome_files.provenance(p, made, visible, sealed=what.case.sealed),
        "unlearning.csv": lambda: outcome_figures.table_csv(named, what.figures, what.victim),
    }
    labels = ("The cleaned model", "How it was made", "All results as CSV")
    with st.container(horizontal=True):
        for label, (name, content) in zip(labels, files.items(), strict=True):
            st.download_button(
                label,
                content,
                file_name=name,
                mime="text/csv" if name.endswith("csv") else "application/octet-stream",
                key=f"take-{label}",
                icon=":material/download:",
                on_click="ignore",
            )
    st.caption(
        f"The model is “{both.names[1]}”, the second of the two above, as weights in {stem}.safetensors."
    )
