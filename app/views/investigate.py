"""The main page: one misbehaving test image, whose influence collapses, and who is flagged for it."""

import streamlit as st

from app import panels, shell, state
from app.shell import escaped

view, own = shell.opened_case(state.current())
panels.head(own, view, escaped(own.run.title))
line = st.container()

st.header("1 · The misbehaving test image")
view, case = panels.pick_query(own, view)
panels.pick_another(own, view)
view, case = panels.measure(case, view)
if case.unfinished:
    panels.arriving(own, case, view)
    st.stop()

st.header("2 · Who is behind it?")
view, found = panels.tune(case, view)
with line:
    panels.status(case, view, "investigate")

st.header("3 · The evidence")
names = {
    "images": "Training images",
    "table": "Table",
    "composite": "What they share",
    "copies": "Transformed copies",
    "matrix": "Changes",
    "transforms": "Transformations",
    "surface": "Threshold × tolerance",
    "classes": "Classes",
    "detectors": "Detectors",
    "training": "The classifier",
}
tab = view.tab if view.tab in names else "images"
state.bound(
    st.segmented_control,
    "Evidence",
    "tab",
    tab,
    options=list(names),
    format_func=names.get,
    required=True,
    label_visibility="collapsed",
)
panels.EVIDENCE[tab](case, view, found)

st.header("4 · Take the result along")
panels.take_along(case, view, found)
