"""This machine: what works, where things are, and the keys."""

import json
import subprocess
import sys

import streamlit as st

from app.shell import escaped
from core import paths

st.title("Settings")
st.header("Folders")
st.table(
    {
        "Images": f"{paths.data_root()}  (INFLUENCE_DATA)",
        "Results": f"{paths.store_root()}  (INFLUENCE_STORE)",
    }
)
st.header("Check this machine")
st.caption("Looks at versions, the device, folders, disk and data, as `python -m core doctor` does.")
LEVELS = {"ok": ":material/check_circle:", "warning": ":material/warning:", "error": ":material/error:"}
if st.button("Check", icon=":material/stethoscope:"):
    with st.spinner("checking"):
        done = subprocess.run(
            [sys.executable, "-m", "core", "doctor", "--json"],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    try:
        checks = json.loads(done.stdout)
    except ValueError:
        st.error(escaped(done.stderr[-800:] or "the check ended without an answer"))
        checks = []
    for check in checks:
        text = f"**{escaped(check['name'])}** {escaped(check['finding'])}"
        st.markdown(
            f"{LEVELS[check['level']]} {text}"
            + (f"  \n→ {escaped(check['remedy'])}" if check["remedy"] else "")
        )
st.header("Keys")
st.table(
    {
        "Threshold: ← →": "flag one image more or less",
        "Threshold: Page up, Page down": "a hundredth of the range",
        "Threshold: [ and ]": "fine steps",
        "Gallery: arrows, Home, End": "move",
        "Gallery: Space or Enter": "pick",
        "Anywhere: R": "run the page again",
    }
)
