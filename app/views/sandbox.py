"""Points instead of images: influence computed exactly, and checked by training again, at every gesture."""

import streamlit as st

from app import state
from app.panels.sandbox import sandbox_plot, sandbox_sections
from core.learn.sandbox_answer import answer
from core.learn.sandbox_scene import Scene, attacked

OPENING = "cluster"


def opened() -> state.View:
    """The view with a scene in it; what cannot be read becomes the scene that the page opens with."""
    view = state.current()
    if not view.points:
        view = state.update(points=st.session_state.get("sandbox", ""))
    try:
        scene = Scene.parse(view.points) if view.points else attacked(Scene(), OPENING, view.seed)
        answer(scene, view.seed)
    except ValueError:
        st.toast("The points of this link make no sense; the page starts over.")
        scene = attacked(Scene(), OPENING, view.seed)
    return view if scene.text == view.points else state.update(points=scene.text)


view = opened()
st.title("Sandbox")
st.caption(
    "Points instead of images, and a classifier so small that influence is computed exactly and checked by training "
    "again at every gesture. Drag a point, place a poison, and see who moves the answer."
)
found = sandbox_plot.found_in(view)
left, right = st.columns([3, 2], gap="large")
with left:
    sandbox_plot.plot(found)
    sandbox_plot.steps(view, found.scene)
with right:
    sandbox_plot.reading(found)
    sandbox_plot.settings(found.scene)
    sandbox_plot.forget(found)
sandbox_sections.influence(found)
sandbox_sections.fall(found)
sandbox_sections.unlearning(found)
st.session_state["sandbox"] = view.points
