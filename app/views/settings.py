"""This machine: what works, where things are, and what they take."""

import json
import subprocess
import sys
from pathlib import Path

import streamlit as st

from app import access, results, serving, shell
from app.glossary import KEYS
from app.shell import escaped
from app.words import size
from core import disks, housekeeping, jobs, paths
from core.durable import CannotWrite
from core.jobs import JobsUnavailable

st.title("Settings")
if access.allowed("inspect the machine"):
    st.header("Folders")
    st.table(
        {
            "Images": f"{paths.data_root()}  (INFLUENCE_DATA)",
            "Results": f"{paths.store_root()}  (INFLUENCE_STORE)",
        }
    )


def busy() -> bool:
    """Whether a job may be writing what is about to be deleted."""
    try:
        return bool(jobs.table(results.store().root).active())
    except JobsUnavailable:
        return True


@st.dialog("Delete for good?")
def confirm(part: housekeeping.Share) -> None:
    """Asks once more; nothing of this can be undone."""
    st.markdown(f"**{part.title}**, {size(part.bytes)}. {part.meaning} This cannot be undone.")
    if busy():
        st.warning("A job is at work and may need them. Wait until it has ended, or cancel it.")
        st.page_link("views/jobs.py", label="See the jobs", icon=":material/schedule:")
        return
    if st.button("Delete", icon=":material/delete_forever:", key="really-clear"):
        access.require("delete results")
        try:
            freed = housekeeping.clear(results.store(), part.name)
        except (housekeeping.StoreInUse, CannotWrite) as refusal:
            st.warning(escaped(str(refusal)))
            return
        st.toast(f"{size(freed)} are free again.", icon=":material/check:")
        st.rerun()


st.header("Disk")
with shell.explained_errors():
    for part in housekeeping.shares(results.store()):
        row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute")
        with row:
            st.markdown(f"**{part.title}** · {size(part.bytes)}  \n{part.meaning}")
            if part.name != "rest":
                icon, off = ":material/delete:", not part.count or not access.allowed("delete results")
                if st.button("Delete", key=f"clear-{part.name}", icon=icon, disabled=off):
                    confirm(part)

if access.allowed("inspect the machine") and (remote := disks.shared(results.store().root)):
    st.warning(f"{escaped(remote)}. → {escaped(disks.REMEDY)}", icon=":material/lan:")

st.header("Check this machine")
st.caption("Looks at versions, the device, folders, disk and data, as `python -m core doctor` does.")
LEVELS = {"ok": ":material/check_circle:", "warning": ":material/warning:", "error": ":material/error:"}


def checked() -> list[dict[str, str]]:
    """What the check found; it runs in a process of its own, because it loads the libraries."""
    access.require("inspect the machine")
    done = subprocess.run(
        [sys.executable, "-m", "core", "doctor", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        st.error(escaped(done.stderr[-800:] or "the check ended without an answer"))
        return []


def diagnostics(checks: list[dict[str, str]]) -> str:
    """The findings as text to send to somebody, without the name of the home folder."""
    lines = [f"{c['level']}: {c['name']}: {c['finding']}" for c in checks]
    return "\n".join(lines).replace(str(Path.home()), "~")


if st.button("Check", icon=":material/stethoscope:", **access.only("inspect the machine")):
    with st.spinner("checking"):
        st.session_state["checks"] = checked()
if checks := st.session_state.get("checks"):
    for check in checks:
        text = f"**{escaped(check['name'])}** {escaped(check['finding'])}"
        remedy = f"  \n→ {escaped(check['remedy'])}" if check["remedy"] else ""
        st.markdown(f"{LEVELS[check['level']]} {text}{remedy}")
    with st.expander("As text, to send to somebody"):
        st.code(diagnostics(checks), language=None, wrap_lines=True)

st.header("How it is served")
for good, fact, meaning in serving.facts():
    st.markdown(f"{LEVELS['ok' if good else 'warning']} **{escaped(fact)}**: {escaped(meaning)}")
st.caption("How people sign in, and how it runs for a group: the guide *for those who run it*.")

st.header("Keys")
st.table(KEYS)
