"""Hands a whole case to a colleague: one zip file that opens in his dashboard without computing anything."""

from pathlib import Path

import streamlit as st

from app import access, bundles
from app.panels.reporting.report_set import Subject
from app.shell import escaped
from core.bundles import bundle
from core.bundles.bundle import BundleRefused, Contents
from core.progress import reporting


def hand_over(of: Subject) -> None:
    """What is inside, how large it is, and the button that makes it."""
    st.header("Hand the case to a colleague", anchor=False)
    if of.hidden or of.case.order is not None:
        st.caption(
            "A bundle contains the truth, so there is none while it is hidden. Share the link instead: it opens the same "
            "view on this server."
        )
        return
    notes = st.checkbox("Include verdicts and saved views", value=True, key="bundle-notes")
    try:
        inside = bundle.contents(bundles.own_case(of.case), notes=notes)
    except BundleRefused as error:
        st.info(escaped(str(error)), icon=":material/info:")
        return
    st.caption(
        f"{len(inside.files):,} files, {inside.bytes / 1e6:,.1f} MB before compression: everything that the pages show, "
        "without gradients and curvature, which can be computed again. **It contains the truth**: keep it from those who "
        "are to find the poisons. Your colleague opens it on *Cases*, or with `python -m core open`."
    )
    ready = bundles.file_of(inside)
    if ready.exists():
        size = f"{ready.stat().st_size / 1e6:,.1f} MB"
        st.link_button(f"Download the bundle ({size})", bundles.address(ready), icon=":material/download:")
    elif st.button(
        "Make the bundle", icon=":material/package_2:", key="make-bundle", **access.only("make bundles")
    ):
        _make(inside, ready)
        st.rerun()


class _Bar:
    """Shows how far the making is."""

    def __init__(self) -> None:
        self._bar = st.progress(0.0, text="Packing")

    def stage(self, name: str) -> None:
        """Nothing to show: there is one stage."""

    def update(self, phase: str, done: int, total: int | None) -> None:
        """Move the bar."""
        self._bar.progress(done / total if total else 0.0, text=f"Packing file {done:,} of {total or 0:,}")


def _make(inside: Contents, target: Path) -> None:
    access.require("make bundles")
    bundles.clear(inside.case)
    with reporting(_Bar()):
        bundle.make(inside, target)
