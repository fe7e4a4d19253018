"""One line that says where one stands: the rule in force, the flagged set, saved views, the link."""

import streamlit as st

from app import access, results, rules, state
from app.panels.review.verdicts import chip
from app.shell import escaped
from app.state import View
from app.words import counted, settings
from core import saved_views
from core.casebook import CasebookUnavailable
from core.cases import Case
from core.detectors.contrast import Contrast
from core.export import Rule
from core.saved_views import SavedView

PAGES = {
    "investigate": "Investigate",
    "review": "Review",
    "unlearn": "Unlearn",
    "report": "Report",
    "attack": "Attack",
    "image": "Training image",
}
"""Pages that a saved view may be on, by the name of their script."""


def status(case: Case, view: View, page: str, *more: str) -> None:
    """The rule, the flagged set and `more` words (Markdown) on the left; views and link on the right."""
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="status"
    ):
        st.markdown(" · ".join([*_told(case, view), *more]))
        with st.container(horizontal=True, width="content", gap="small"):
            _views(case, view, page)
            _link()


def _told(case: Case, view: View) -> list[str]:
    """The rule in force and what it flags, in words."""
    if case.unfinished:
        return ["not scored yet"]
    rule = rules.in_force(case, view)
    found = rules.flags(case, rule)
    told = f"**{int(found.flagged.sum()):,}** of {counted(len(found.flagged), 'training image')} flagged"
    return [_setting(rule), told, *([mine] if (mine := chip(case, found)) else [])]


def _setting(rule: Rule) -> str:
    if isinstance(rule, Contrast):
        return "Contrast, " + (
            "calibrated cut-off" if not rule.margin else f"{rule.margin:+.3g} from its cut-off"
        )
    return f"{type(rule).title}, {settings(rule)}"


def _views(case: Case, view: View, page: str) -> None:
    """Save this view, open another, star it, take it off the list."""
    with st.popover("Views", icon=":material/bookmark:", width="content"):
        try:
            _save(case, view, page)
            found = saved_views.listed(results.store().root, case.id)
            for kept in found:
                row(kept)
            if not found:
                st.caption(
                    "No view of this case is saved yet. A saved view brings back everything on the page."
                )
            _undo(case)
        except CasebookUnavailable as error:
            st.warning(escaped(str(error)))


def _save(case: Case, view: View, page: str) -> None:
    key = f"view-name-{case.id}"

    def save() -> None:
        try:
            access.require("save views")
            address = state.parameters_of(view) | {"v": state.VERSION}
            root, name = results.store().root, st.session_state[key]
            saved_views.save(root, case.id, page, name=name, address=address)
            st.session_state[key] = ""
            st.toast("Saved. It is listed here and on *Cases*.", icon=":material/bookmark:")
        except (ValueError, CasebookUnavailable, access.NotAllowed) as error:
            st.toast(escaped(str(error)), icon=":material/error:")

    st.text_input(
        "Name of this view", key=key, max_chars=80, placeholder="for example: tolerance 2, dogs only"
    )
    st.button(
        "Save this view",
        key="save-view",
        icon=":material/bookmark_add:",
        on_click=save,
        **access.only("save views"),
    )


def row(kept: SavedView, *, case_title: str = "") -> None:
    """One saved view: open, star, remove."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        script = kept.page if kept.page in PAGES else "investigate"
        label = escaped(kept.name) + (f" · {escaped(case_title)}" if case_title else f" · {PAGES[script]}")
        st.page_link(f"views/{script}.py", label=label, query_params=kept.address, icon=":material/bookmark:")
        star, words = ("star", "Unstar") if kept.starred else ("star_border", "Star")
        root = results.store().root
        st.button(
            words,
            key=f"star-{kept.id}",
            icon=f":material/{star}:",
            type="tertiary",
            on_click=access.checked("save views", saved_views.star),
            args=(root, kept.id, not kept.starred),
            disabled=not access.allowed("save views"),
        )
        st.button(
            "Remove",
            key=f"forget-{kept.id}",
            icon=":material/delete:",
            type="tertiary",
            on_click=access.checked("save views", _remove),
            args=(kept,),
            disabled=not access.allowed("save views"),
        )


def _remove(kept: SavedView) -> None:
    saved_views.remove(results.store().root, kept.id)
    st.session_state["removed_view"] = kept


def _restore() -> None:
    saved_views.restore(results.store().root, st.session_state.pop("removed_view").id)


def _undo(case: Case) -> None:
    kept = st.session_state.get("removed_view")
    if kept and kept.case_id == case.id:
        st.button(
            f"Undo: bring back “{escaped(kept.name)}”",
            icon=":material/undo:",
            on_click=access.checked("save views", _restore),
            key="unremove-view",
        )


def _link() -> None:
    """The address of what is shown, to copy."""
    with st.popover("Link", icon=":material/link:", width="content"):
        st.caption("Restores exactly this view, for you or for anybody who uses this server.")
        st.code(st.context.url or "", language=None, wrap_lines=True)
