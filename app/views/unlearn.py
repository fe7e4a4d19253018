"""The classifier after the flagged images are gone: choose the set and the way, and compare every outcome."""

import streamlit as st

from app import panels, results, shell, state
from app.panels.unlearning import forget, outcome_compare, outcomes
from app.panels.unlearning.outcome_baselines import baselines
from app.panels.unlearning.outcome_changed import changed
from app.panels.unlearning.outcome_files import downloads
from app.panels.unlearning.outcome_picked import picked_image, picked_images
from app.panels.unlearning.outcome_queue import queue, unmeasured
from app.panels.unlearning.outcome_set import chosen_set
from app.shell import escaped
from core import cases

view = state.current()
results.forget(view.case)
view, case = shell.opened_case(view)
if view.pick:
    case = shell.picked_case(view, case)
if view.measure:
    case = shell.measured_case(view, case)
found, truth = cases.outcomes(case, results.store()), results.truth(case, view)

st.title(f"Unlearn · {escaped(case.run.title)}")
panels.status(case, view, "unlearn")
left, right = st.columns(2, gap="large")
with left:
    chosen = chosen_set(case, view, found)
with right:
    how = forget.ways(case)
    if chosen:
        forget.start(case, chosen, how, found)
if chosen and chosen.usable:
    with left:
        baselines(case, chosen, how, found, known=truth)
queue(case, truth=truth is not None)

st.header("Outcomes")
what = outcomes.shown(case, found, chosen.digest if chosen else "", truth=truth is not None)
if chosen and chosen.flagged and not any(r.about(chosen.digest) for r in what.results):
    rest = " What exists for other sets is shown below, marked as such." if what.results else ""
    st.info(f"Not yet run for this set.{rest}", icon=":material/info:")
outcomes.table(what)
if not what.results:
    st.info("No unlearning has been computed for this case yet.", icon=":material/info:")
    st.stop()
unmeasured(case, what)
measured = "Removal counts as a success below 5 % poison success. " if truth else ""
st.caption(
    f"{measured}Seconds are wall-clock training time on the machine that computed the case. Figures are means over the "
    "seeds named."
)
outcomes.trade_off(what)
outcomes.tried(what)

st.header("Two models compared")


@st.fragment
def two_compared() -> None:
    """A gesture here leaves the rest of the page alone."""
    view = state.current()
    both = outcome_compare.sides(what, view)
    compared = both.compared(case)
    outcome_compare.verdict(case, both, compared)
    downloads(what, both)
    picked_image(case, view, both)
    picked_images(what)
    outcome_compare.matrices(case, both)
    outcome_compare.classes(case, both)
    changed(case, both, compared)


two_compared()
