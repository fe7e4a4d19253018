"""Home: every investigation as a card."""

import streamlit as st

from app import access, images, ownership, results, shell, state
from app.panels.challenge.blind_cards import challenge_cards
from app.panels.import_case import import_panel
from app.panels.sharing import sharing
from app.panels.status import row as saved_view
from app.shell import escaped
from core import runs, saved_views
from core.casebook import CasebookUnavailable
from core.cases import Case

MOST_VIEWS = 8

st.title("Which training images poisoned this classifier?")
st.markdown(
    "Pick a case, look at one misbehaving test image, transform it, and watch whose influence collapses. "
    "Flag those training images, remove their effect, and measure what is left."
)
with st.container(horizontal=True, key="ways-in"):
    for script, words, icon in (
        ("guided", "Learn it on a guided case", "school"),
        ("set_up", "New investigation", "add_circle"),
        ("challenge", "Try it blind", "visibility_off"),
        ("guide", "Read the guide", "menu_book"),
    ):
        if st.button(words, key=f"to-{script}", icon=f":material/{icon}:"):
            st.switch_page(f"views/{script}.py")


def remove(case: Case) -> None:
    """Take a case and its variants off the list, and remember how to undo it."""
    access.require("remove cases", ownership.owners_of(case, results.store().root))
    own = [run for run in case.variants if not run.shipped]
    for run in own:
        runs.remove(run, results.store())
    st.session_state["removed"] = (case.run.title, [run.id for run in own])


def undo(ids: list[str]) -> None:
    """Put a removed case back."""
    access.require("remove cases")
    for run_id in ids:
        runs.restore(run_id, results.store())
    del st.session_state["removed"]


if "removed" in st.session_state:
    title, ids = st.session_state["removed"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"“{escaped(title)}” was removed from the list.", icon=":material/delete:")
        st.button("Undo", icon=":material/undo:", on_click=undo, args=(ids,))


def card(case: Case) -> None:
    """One case: picture, facts, and the way in."""
    x, done = case.run.experiment, not case.unfinished
    with st.container(border=True, height="stretch"):
        picture, facts = st.columns([1, 2.6], vertical_alignment="top")
        with picture:
            if done:
                first = images.inline(case.plan.queries.value.images[0])
                st.image(first, width=96, alt="the first misbehaving test image")
            else:
                st.markdown(":material/hourglass: ")
        with facts:
            st.markdown(f"**{escaped(x.title)}**")
            st.caption(summary(case) if done else f"steps still to be computed: {len(case.unfinished)}")
        if x.description:
            st.caption(escaped(x.description))
        buttons(case, done)
        sharing(case)


def summary(case: Case) -> str:
    """Size, attack and the victim's figures."""
    report, n = case.plan.before.value, len(case.plan.dataset.value.train)
    success = report.poison_success_rate
    told = "" if success is None else f" · poison success {success:.0%}"
    return (
        f"{n:,} training images · {type(case.run.experiment.attack).title} · "
        f"test accuracy {report.test_accuracy:.1%}{told}"
    )


def buttons(case: Case, done: bool) -> None:
    """The way in, the state, and for the user's own cases the way off the list."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("Investigate", key=f"open-{case.id}", icon=":material/search:", type="secondary"):
            view = state.update(**vars(state.opening(case)))
            st.switch_page("views/investigate.py", query_params=state.parameters_of(view))
        st.badge("ready" if done else "not finished", color="green" if done else "orange")
        if case.run.shipped:
            st.badge("bundled", color="gray")
        elif ownership.may_change(case, results.store().root):
            st.button(
                "Remove",
                key=f"remove-{case.id}",
                icon=":material/delete:",
                type="tertiary",
                on_click=remove,
                args=(case,),
                help="Takes the case off this list; can be undone.",
            )


def views(found: list[Case]) -> None:
    """Saved views of every case, starred ones first."""
    titles = {run.id: case.run.title for case in found for run in case.variants}
    try:
        kept = saved_views.listed(results.store().root)
    except CasebookUnavailable as error:
        st.warning(escaped(str(error)))
        return
    if access.visitor().signed_in:
        kept = [view for view in kept if view.case_id in titles or results.case(view.case_id)]
    if not kept:
        return
    st.header("Saved views")
    for view in kept[:MOST_VIEWS]:
        saved_view(view, case_title=titles.get(view.case_id, "a case that is not here"))
    if len(kept) > MOST_VIEWS:
        st.caption(f"{MOST_VIEWS} of {len(kept)}; the others are listed in their cases under *Views*.")


st.header("Cases")
found = ownership.all_cases(results.store())
if not found:
    st.info("No investigation yet, and the bundled one is missing. Start a new one.", icon=":material/info:")
for start in range(0, len(found), 2):
    for column, case in zip(st.columns(2), found[start : start + 2], strict=False):
        with column, shell.explained_errors():
            card(case)
if damaged := runs.unreadable_runs(results.store()):
    names = ", ".join(escaped(p.name) for p in damaged[:3])
    st.warning(
        f"{len(damaged)} investigations cannot be read ({names}): damaged, or written by another version."
    )
import_panel()
challenge_cards()
views(found)
