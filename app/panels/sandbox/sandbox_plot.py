"""The sandbox's plot: what gestures do to it, the settings beside it, and undo."""

from collections.abc import Callable
from typing import Any

import numpy as np
import streamlit as st

from app import moved, state
from app.components.points import Gesture, Picture, points
from app.state import View
from app.words import counted
from core.learn.sandbox import FIELD
from core.learn.sandbox_answer import Answer, answer
from core.learn.sandbox_scene import MOST_PLACED, PLACED, Scene, attacked

CLASSES = ("A", "B", "C")
ATTACKS = {
    "cluster": ("Dirty labels", "A handful of points around the test point, all labelled B."),
    "flips": ("Flipped labels", "The six points of class A nearest to the test point now say B."),
    "outlier": ("One outlier", "A single point labelled B, far from everything."),
    "none": ("No attack", "The points as they were drawn."),
}
FEATURES = {"linear": "straight", "quadratic": "curved", "radial": "local bumps"}
NO_DAMPING = Scene().damping
PAST, FUTURE, MOST_UNDONE = "sandbox_past", "sandbox_future", 200


def go(scene: Scene, more_seeds: int = 0) -> None:
    """Move to another scene; undo leads back."""
    view = state.latest()
    seed = view.seed + more_seeds
    if (scene.text, seed) == (view.points, view.seed):
        return
    st.session_state.setdefault(PAST, []).append((view.points, view.seed))
    del st.session_state[PAST][:-MOST_UNDONE]
    st.session_state[FUTURE] = []
    state.update(points=scene.text, seed=seed)


def changed(**settings: Any) -> None:
    """Change the scene where it stands by now, also when one is faster than the page."""
    go(Scene.parse(state.latest().points).changed(**settings))


def step(direction: int) -> None:
    """Undo (-1) or redo (1)."""
    here, there = (PAST, FUTURE) if direction < 0 else (FUTURE, PAST)
    if not st.session_state.get(here):
        return
    view = state.latest()
    text, seed = st.session_state[here].pop()
    st.session_state.setdefault(there, []).append((view.points, view.seed))
    state.update(points=text, seed=seed)


def plot(found: Answer) -> None:
    """The points, and what is found of them."""
    label = "Training points and the test point"
    points(_picture(found), key="sandbox-points", label=label, on_gesture=_done)


def _done(gesture: Gesture) -> None:
    view = state.latest()
    if "step" in gesture:
        step(-1 if gesture["step"] == -1 else 1)
        return
    try:
        scene = Scene.parse(view.points).redrawn(gesture, view.seed)
        answer(scene, view.seed)
    except ValueError:
        st.toast("That does not fit in here; nothing was changed.", icon=":material/block:")
    else:
        go(scene)


def found_in(view: View) -> Answer:
    """What is found in the scene of a view."""
    return answer(Scene.parse(view.points), view.seed)


def _picture(found: Answer) -> Picture:
    shown = found.after if found.scene.unlearned and found.after else found.reading
    most = float(np.abs(found.influence).max()) or 1.0
    columns = (found.points.ids, *found.points.at.T, found.points.labels)
    marks = (np.round(found.influence / most, 3), found.flagged.astype(int))
    rows = zip(*(column.tolist() for column in (*columns, *marks)), strict=True)
    picture = Picture(
        points=[list(row) for row in rows],
        test=[v / 100 for v in found.scene.test],
        read=CLASSES[shown.label],
        copies=np.round(found.copies[0], 2).tolist() if found.scene.copies != "relabel" else [],
        classes=list(CLASSES[: found.scene.classes]),
        field=FIELD,
        placed=PLACED,
        most=MOST_PLACED,
        regions=shown.regions,
    )
    return picture if shown is found.reading else picture | {"before": found.reading.regions}


def steps(view: View, scene: Scene) -> None:
    """Undo, redo, start over, and new points."""
    own = attacked(scene, "none", view.seed)
    with st.container(horizontal=True, gap="small"):
        _step("Undo", "undo", lambda: step(-1), off=not st.session_state.get(PAST))
        _step("Redo", "redo", lambda: step(1), off=not st.session_state.get(FUTURE))
        _step("Start over", "replay", lambda: _attack("none"), off=own == scene)
        _step("New points", "casino", _new_points)


def _new_points() -> None:
    scene = Scene.parse(state.latest().points)
    go(scene.changed(moved=(), relabelled=(), removed=()), more_seeds=1)


def _attack(name: str) -> None:
    view = state.latest()
    go(attacked(Scene.parse(view.points), name, view.seed))


def _step(label: str, icon: str, act: Callable[[], Any], off: bool = False) -> None:
    st.button(label, icon=f":material/{icon}:", on_click=act, disabled=off, key=f"sandbox-{icon}")


def settings(scene: Scene) -> None:
    """The attack to try, and the classifier."""
    st.markdown("**Try an attack**")
    with st.container(horizontal=True, gap="small"):
        for name, (label, hint) in ATTACKS.items():
            st.button(
                label,
                key=f"attack-{name}",
                help=hint,
                on_click=_attack,
                args=[name],
            )
    left, right = st.columns(2)
    with left:
        bound(st.segmented_control, "Classes", "classes", scene, options=[2, 3], required=True)
    with right:
        hint = (
            "What the classifier can see. Only local bumps let a few poisons carve out a region of their own."
        )
        bound(
            st.selectbox,
            "Boundary",
            "features",
            scene,
            options=list(FEATURES),
            format_func=FEATURES.get,
            help=hint,
        )
    hint = "Penalty on large weights. A strong one smooths the boundary, a weak one lets single points pull at it."
    powers("Penalty", "penalty", scene, range(-30, 21, 5), hint)


def bound(widget: Callable[..., Any], label: str, name: str, scene: Scene, **options: Any) -> None:
    """A widget that shows one setting of the scene and changes it."""
    value = getattr(scene, name)

    def move(chosen: Any) -> None:
        fresh = {"moved": (), "relabelled": (), "removed": ()}  # other classes have other points
        changed(**{name: value if chosen is None else chosen}, **(fresh if name == "classes" else {}))

    moved.placed(widget, label, key=f"sandbox_{name}", value=value, on_move=move, **options)


def powers(label: str, name: str, scene: Scene, tenths: range, hint: str) -> None:
    """A slider over powers of ten."""
    none = name == "damping"
    options = sorted({*tenths, getattr(scene, name), *([NO_DAMPING] if none else [])})

    def words(value: int) -> str:
        return "none" if none and value == NO_DAMPING else f"{10 ** (value / 10):.2g}"

    bound(st.select_slider, label, name, scene, options=options, format_func=words, help=hint)


def reading(found: Answer) -> None:
    """What the classifier makes of the test point."""
    now, then = found.reading, found.after if found.scene.unlearned else None
    with st.container(horizontal=True, gap="large"):
        for label, value, before in (
            ("Test point read as", _said(then or now), then and f"was {_said(now)}"),
            ("Accuracy", f"{(then or now).accuracy:.1%}", then and f"was {now.accuracy:.1%}"),
        ):
            st.metric(label, value, before or None, delta_color="off", delta_arrow="off", width="content")
    st.caption(
        "Accuracy is measured on fresh points of the same clouds, 100 of each class, without any poison."
    )


def _said(reading: Any) -> str:
    return f"{CLASSES[reading.label]} · {reading.probabilities.max():.0%}"


def forget(found: Answer) -> None:
    """The switch that shows the classifier without the flagged points."""
    flagged = int(found.flagged.sum())
    label = f"Train without the {counted(flagged, 'flagged point')}"
    moved.placed(
        st.toggle,
        label,
        key="sandbox_unlearned",
        value=bool(found.scene.unlearned and found.after),
        on_move=lambda on: changed(unlearned=int(on)),
        disabled=found.after is None,
        help="Shows the new boundary; the old one is dashed.",
    )
