"""What is missing of a study, the command and the button that measure it, and its figures as files."""

import json

import streamlit as st

from app import access, ownership, results
from app.shell import escaped
from app.words import counted
from core import jobs, tables, wording
from core.findings import Findings
from core.tables import Coverage


def measured(found: Findings, known: Coverage) -> None:
    """How many cells have figures, and which have not."""
    st.progress(
        known.measured / max(known.cells, 1),
        text=f"{known.measured} of {counted(known.cells, 'cell')} measured"
        + (f", {len(known.failed)} tried without a figure" if known.failed else ""),
    )
    if known.missing:
        with st.expander(f"Cells still missing: {len(known.missing)}", icon=":material/checklist:"):
            st.markdown("\n".join(f"- {line}" for line in by_setting(found, known.missing)))


def by_setting(found: Findings, cells: tuple[str, ...]) -> list[str]:
    """Cells in words, a line per setting."""
    rows: dict[str, list[str]] = {}
    for cell in cells:
        _, setting, row = cell.split("/", 2)
        rows.setdefault(setting, []).append(wording.full_title(found.study.name, row))
    whole = len(found.study.rows())
    lists = {s: f"all {whole}" if len(names) == whole else ", ".join(names) for s, names in rows.items()}
    return [f"**{escaped(wording.setting_title(s))}**: {escaped(told)}" for s, told in lists.items()]


def measure(found: Findings, known: Coverage) -> None:
    """The command, and the same as a background job."""
    st.caption(
        "From the command line; finished cells and steps are kept, the same command goes on from there:"
    )
    st.code(tables.command(found), language="bash", wrap_lines=True)
    device, seeds, go = st.columns([2, 2, 3], vertical_alignment="bottom")
    place = device.selectbox("Device", ["auto", "cpu", "cuda"], key="study_device")
    count = int(seeds.number_input("Seeds", 1, 10, 1, key="study_seeds"))
    lacking = tables.lacking(found, count)
    with go:
        if st.button("Measure what is missing", icon=":material/play_arrow:", disabled=not lacking):
            submit(found, count, place)
            st.switch_page("views/jobs.py")
    st.caption(cost(found, known, lacking))


def cost(found: Findings, known: Coverage, lacking: int) -> str:
    """What pressing the button means, in words."""
    if not lacking:
        return f"Nothing is missing: all {known.cells} cells have been measured or tried with so many seeds."
    told = f"This makes {counted(lacking, 'measurement')}, cells times seeds, one after the other. "
    if typical := tables.typical_seconds(found):
        told += (
            f"The cells known so far took {typical[0]:.0f} s in the middle and {typical[1]:.0f} s at most, "
            f"on {escaped(' and '.join(found.hardware))}. "
        )
    else:
        told += "How long a cell takes is not known yet: the first of a setting trains its victim. "
    return told + "Figures go to your own results and are shown before those that come with the project."


def submit(found: Findings, seeds: int, device: str) -> jobs.Job:
    """Queue the measurement; the same one twice is one job."""
    root = results.store().root
    spec = {
        "scale": found.scale,
        "cells": f"{found.study.name}/*",
        "seeds": list(range(seeds)),
        "options": {"store": str(root), "device": device},
    }
    owner = access.require("start jobs").name
    title = f"Study: {found.study.title} ({found.scale})"
    return ownership.asked(root, jobs.submit(root, "paper", json.dumps(spec), title, owner))


def files(found: Findings) -> None:
    """All figures of the study to take along."""
    name = f"{found.study.name}-{found.scale}"
    with st.container(horizontal=True):
        for kind, content, mime in (
            ("csv", tables.as_csv(found), "text/csv"),
            ("json", tables.as_json(found), "application/json"),
        ):
            st.download_button(
                f"{name}.{kind}",
                content,
                file_name=f"{name}.{kind}",
                mime=mime,
                key=f"download-study-{kind}",
                icon=":material/download:",
                on_click="ignore",
            )


def provenance(found: Findings) -> None:
    """Where every measured setting comes from: run, seeds, dates, hardware, seconds."""
    if not found.records:
        return
    with st.expander("Where the figures come from", icon=":material/fingerprint:"):
        st.dataframe(tables.provenance(found), hide_index=True)
