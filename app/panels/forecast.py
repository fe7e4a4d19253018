"""What an experiment will cost, measured by the engine in a process of its own."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import streamlit as st

from app import access, results, shell
from app.shell import escaped
from app.words import counted, size

UNKNOWN = "–"


def forecast(toml: str) -> None:
    """Seconds, memory and disk of every step, or what went wrong."""
    with st.spinner("measuring this machine for a moment"):
        cost = asked(toml)
    if isinstance(cost, str):
        st.error(escaped(cost))
        return
    seconds = sum(step["seconds"] or 0 for step in cost)
    todo = counted(sum(not step["done"] for step in cost), "step")
    if all(step["done"] for step in cost):
        st.success("Everything this needs has been computed already.")
    elif not seconds:
        st.info(f"{todo}. The images have to be read once before the rest can be estimated.")
    else:
        st.info(f"About {shell.duration(seconds)}, give or take a factor of two, for {todo}.")
    for step in cost:
        remark(step)
    st.dataframe([row(step) for step in cost], hide_index=True, alt="what every step takes")


def row(step: dict[str, Any]) -> dict[str, str]:
    """A step's cost in words, under the headers of the table."""
    seconds, memory, disk = (step[name] for name in ("seconds", "memory_mb", "disk_mb"))
    return {
        "Step": shell.stage_name(step["stage"]),
        "Computed already": "yes" if step["done"] else "no",
        "Time": UNKNOWN if seconds is None else shell.duration(seconds),
        "Memory": UNKNOWN if memory is None else size(memory * 1e6),
        "Disk": UNKNOWN if disk is None else size(disk * 1e6),
    }


def remark(step: dict[str, Any]) -> None:
    """What does not fit and what would; or what would be cheaper."""
    if step["remark"]:
        name = escaped(shell.stage_name(step["stage"]))
        words = f"{name.capitalize()}: {escaped(step['remark'])}"
        st.caption(words) if step["fits"] else st.error(words, icon=":material/memory_alt:")


def asked(toml: str, command: str = "plan") -> Any:
    """Every step as the engine forecasts it, or in words what went wrong; takes seconds, for the machine is measured.

    Another `command` that takes an experiment file answers in its own way.
    """
    access.require("start jobs")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "experiment.toml"
        file.write_text(toml)
        line = [sys.executable, "-m", "core", command, str(file), "--json"]
        line += ["--store", str(results.store().root)]
        try:
            done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return "measuring took more than five minutes and was given up"
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()[-600:]
