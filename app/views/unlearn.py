"""The classifier after the flagged images are gone: every outcome of a case side by side."""

import streamlit as st

from app import results, shell, state
from app.panels import outcomes
from app.panels.forget import forget
from app.shell import escaped
from core import cases

view = state.current()
results.forget(view.case)
view, case = shell.opened_case(view)
if view.pick:
    case = shell.picked_case(view, case)
if view.measure:
    case = shell.measured_case(view, case)
found = cases.outcomes(case, results.store())

st.title(f"Unlearn · {escaped(case.run.title)}")
rule = forget(case, view, found)

st.header("Outcomes")
outcomes.table(case, found)
if not found:
    st.info("No unlearning has been computed for this case yet.", icon=":material/info:")
    st.stop()
st.caption(
    "Removal counts as a success below 5 % poison success. Seconds are wall-clock training time on the machine "
    "that computed the case."
)
shown = outcomes.chosen(case, found, rule)
outcomes.trade_off(case, shown)
outcomes.picked_image(case, view, shown)
if shown:
    outcomes.tried(shown)
    outcomes.changed_predictions(case, shown)
