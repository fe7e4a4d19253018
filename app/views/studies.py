"""The papers' tables and figures, our figures beside the published ones, cell by cell."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from app import address_bar, moved
from app.panels.study import study_claims, study_figures, study_more, study_overview, study_table
from app.shell import escaped
from app.words import counted
from core import findings, paper, tables, wording
from core.findings import Findings

SCALES = {
    "cpu": "Two CPU cores",
    "full": "As published",
}
SCALE_WORDS = {
    "cpu": "Sized for two CPU cores: 10,000 images, small network. Such figures show the method at work; they are not "
    "the experiment that was published.",
    "full": "As published: all images, the papers' networks and training; takes a GPU.",
}


def picked(name: str, options: list[str], default: str) -> str:
    """What the address says, else what this tab showed last, else the default."""
    said = address_bar.shown().get(name)
    if said in options:
        st.session_state[f"last-{name}"] = said
        return said
    if said is not None:
        st.toast(
            f"The link says {name} = {escaped(repr(said[:40]))}, which is not usable; the default is shown."
        )
        address_bar.change(name, None)
    kept = st.session_state.get(f"last-{name}")
    return kept if kept in options else default


def pick(widget: Callable[..., Any], label: str, name: str, options: list[str], **shown: Any) -> str:
    """A widget whose choice is in the address."""
    value = picked(name, options, shown.pop("default", options[0]))

    def move(chosen: str | None) -> None:
        address_bar.change(name, chosen or value)
        if name != "images":
            address_bar.change("images", None)  # another study may lack them

    moved.placed(widget, label, options, key=f"studies-{name}", value=value, on_move=move, **shown)
    return value


def first_images(found: Findings, images: list[str]) -> str:
    """The first images with figures of our own, else with published ones."""
    ours = {wording.dataset_of(s) for s, rows in found.settings.items() if any(row.ours for row in rows)}
    theirs = {wording.dataset_of(setting) for setting in found.study.published}
    return next((i for known in (ours, theirs) for i in images if i in known), images[0])


def about(found: Findings) -> None:
    """The question, where it is published, and what was measured."""
    st.header(found.study.title)
    st.markdown(f"{found.study.about} Published in *{escaped(found.study.source)}*.")
    if (counts := tables.seeds(found)) is None:
        return
    low, high = counts
    with st.container(horizontal=True):
        seeds = counted(high, "seed") if low == high else f"{low} to {high} seeds"
        st.badge(seeds, icon=":material/casino:", color="gray")
        st.badge(escaped(" and ".join(found.hardware)), icon=":material/memory:", color="gray")
        st.badge(" to ".join(dict.fromkeys((found.dates[0], found.dates[-1]))), color="gray")


def figure_choice(found: Findings) -> list[str]:
    """Which figures the table shows; a sweep shows one at a time."""
    options = tables.choices(found.study)
    single = tables.swept(found.study)
    chosen = st.pills(
        "Figures",
        options,
        selection_mode="single" if single else "multi",
        default=options[0] if single else options[:2],
        format_func=wording.figure_title,
        key=f"figures-{found.study.name}",
        wrap=True,
    )
    return tables.columns(found.study, [chosen] if isinstance(chosen, str) else chosen or options[:1])


def compared(found: Findings) -> None:
    """Table and charts of one set of images."""
    every = tables.settings_of(found.study, found.scale)
    images = list(dict.fromkeys(wording.dataset_of(setting) for setting in every))
    left, right = st.columns(2, vertical_alignment="bottom")
    with left:
        shown = pick(
            st.segmented_control,
            "Images",
            "images",
            images,
            format_func=wording.dataset_title,
            default=first_images(found, images),
        )
    with right:
        columns = figure_choice(found)
    settings = [setting for setting in every if wording.dataset_of(setting) == shown]
    unmeasurable = sorted(set(settings) - set(paper.settings(found.scale)))
    if tables.swept(found.study):
        for setting in settings:
            st.markdown(f"**{escaped(wording.attack_title(setting))}**")
            for figure in columns:
                study_table.swept(found, setting, figure)
    else:
        study_table.table(found, settings, columns)
    st.caption(study_table.LEGEND)
    if unmeasurable:
        names = ", ".join(wording.setting_title(setting) for setting in unmeasurable)
        st.caption(f"{escaped(names)}: published only; there is no setting of this size.")
    with st.expander("What the figures mean", icon=":material/help:"):
        st.markdown("\n".join(f"- **{wording.FIGURES[f][0]}**: {wording.FIGURES[f][1]}" for f in columns))
    st.subheader("At a glance")
    study_figures.figures(found, settings, columns)


def page() -> None:
    """Everything about one study at one scale."""
    known = {study.name: study for study in paper.studies()}
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    with left:
        name = pick(
            st.selectbox,
            "Study",
            "study",
            list(known),
            default="detectors",
            format_func=lambda n: f"{known[n].title} ({known[n].source})",
        )
    with right:
        scale = pick(st.segmented_control, "Size", "scale", list(SCALES), format_func=SCALES.get)
    st.caption(SCALE_WORDS[scale])
    study_overview.overview(scale)
    found = findings.findings(known[name], scale)
    about(found)
    coverage = tables.coverage(found)
    if not found.records:
        shown = (
            "The published figures are shown." if found.study.published else "The paper shows a chart only."
        )
        st.info(
            f"Nothing of this study has been measured at this size yet. {shown} The command and the button at the end "
            "of this page measure ours.",
            icon=":material/hourglass_empty:",
        )
    compared(found)
    st.subheader("What the paper claims, and what our figures say")
    study_claims.claims(found)
    study_claims.differences(found)
    st.subheader("Measure it, add seeds, take it along")
    study_more.measured(found, coverage)
    study_more.measure(found, coverage)
    study_more.files(found)
    study_more.provenance(found)


st.html(study_table.STYLE)
st.title("The papers' tables, measured again")
st.caption("Every cell of the tables and every point of the figures, ours beside the published one.")
try:
    page()
except ValueError as error:  # a result file that somebody damaged
    st.error(escaped(str(error)), icon=":material/broken_image:")
