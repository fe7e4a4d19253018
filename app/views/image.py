"""One training image at large: everything that is known of it, by its own address."""

import streamlit as st

from app import panels, rules, shell, state
from app.panels import dossier

asked = state.current()
view, own = shell.opened_case(asked)
case = shell.picked_case(view, own) if view.pick else own
if view.measure:
    case = shell.measured_case(view, case)
found = rules.flags(case, rules.in_force(case, view))
i = dossier.chosen(case, view, found)

panels.head(own, view, dossier.title(case, i))
panels.status(case, view, "image")
if asked.image not in (-1, i):
    st.session_state["image_asked"] = (own.id, asked.image)
if view.image < 0 and st.session_state.get("image_asked", ("", 0))[0] == own.id:
    n, number = len(found.flagged), st.session_state["image_asked"][1]
    st.warning(
        f"There is no training image {number:,} here: this case has {n:,}, from 0 to {n - 1:,}. The first of the "
        "list is shown.",
        icon=":material/image_not_supported:",
    )
dossier.dossier(case, view, found, i)
