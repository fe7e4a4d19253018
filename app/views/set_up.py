"""Start a new investigation: from a preset, changed where one likes, on bundled, published or own images."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import streamlit as st

from app import forms, results, shell
from app.shell import escaped
from core import paths, registry
from core.experiment import (
    Experiment,
    FactorSettings,
    QuerySettings,
    ScoreSettings,
    Training,
    TransformSettings,
)

st.title("New investigation")
presets = {p.stem: Experiment.from_toml(p) for p in sorted(paths.EXPERIMENTS.glob("*.toml"))}
names = list(presets)
preset = st.selectbox(
    "Start from",
    names,
    index=names.index("digits-badnet"),
    key="preset",
    format_func=lambda n: presets[n].title,
)
base = presets[preset].model_dump(mode="json")
st.caption(escaped(presets[preset].description))


def method(family: str, section: str, label: str, classes: tuple[str, ...] = ()) -> dict:
    """A method and its settings."""
    kind = forms.choose(family, label, base[section]["name"], key=f"{preset}-{section}")
    given = base[section] if kind.name == base[section]["name"] else {}
    return {"name": kind.name} | forms.fields(kind, f"{preset}-{section}", given, classes)


def settings(kind: type, section: str) -> dict:
    """A section that has only one form."""
    return forms.fields(kind, f"{preset}-{section}", base[section])


tree: dict = {"title": st.text_input("Title", base["title"], max_chars=120, key=f"{preset}-title")}
with st.container(border=True):
    st.subheader("1 · Images")
    tree["dataset"] = method("datasets", "dataset", "Images")
    classes: tuple[str, ...] = ()
    try:
        dataset = registry.create("datasets", **tree["dataset"])
        lack, classes = dataset.missing(), dataset.known_classes()
    except (ValueError, OSError) as error:
        lack = str(error)
    if lack:
        st.warning(escaped(lack), icon=":material/folder_off:")
with st.container(border=True):
    st.subheader("2 · Attack")
    tree["attack"] = method("attacks", "attack", "Attack", classes)
with st.container(border=True):
    st.subheader("3 · Classifier")
    tree["model"] = method("models", "model", "Architecture")
    with st.expander("Training"):
        tree["training"] = settings(Training, "training")
with st.container(border=True):
    st.subheader("4 · Investigation")
    tree["queries"] = settings(QuerySettings, "queries")
    tree["transforms"] = settings(TransformSettings, "transforms")
    with st.expander("Influence"):
        tree["factors"] = settings(FactorSettings, "factors")
        tree["scores"] = settings(ScoreSettings, "scores")
with st.container(border=True):
    st.subheader("5 · Detection and unlearning")
    for family, section, label in (
        ("detectors", "detectors", "Detectors"),
        ("unlearners", "unlearners", "Unlearners"),
    ):
        known = registry.members(family)
        given = {m["name"]: m for m in base[section]}
        picked = st.pills(
            label,
            list(known),
            selection_mode="multi",
            default=list(given),
            key=f"{preset}-{section}",
            format_func=lambda n, known=known: known[n].title,
        )
        tree[section] = [{"name": n} | given.get(n, {}) for n in picked]
    chosen = [d["name"] for d in tree["detectors"]]
    tree["unlearn_after"] = [n for n in base["unlearn_after"] if n in chosen]

try:
    experiment = Experiment.checked(base | tree)
except ValueError as error:
    st.error(
        "These settings do not fit together:\n\n"
        + "\n".join(f"- {escaped(x)}" for x in str(error).splitlines())
    )
    st.stop()


def expected_cost(toml: str) -> list[dict] | str:
    """Seconds, memory and disk of each step, measured by the engine in a process of its own; or what went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "experiment.toml"
        file.write_text(toml)
        command = [
            sys.executable,
            "-m",
            "core",
            "plan",
            str(file),
            "--json",
            "--store",
            str(results.store().root),
        ]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        except subprocess.TimeoutExpired:
            return "measuring took more than five minutes and was given up"
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()[-600:]


places = {"auto": "GPU if there is one", "cpu": "CPU", "cuda": "GPU"}
device = st.segmented_control(
    "Compute on", list(places), default="auto", format_func=places.get, required=True, key="device"
)
with st.container(horizontal=True):
    begin = st.button("Start", icon=":material/play_arrow:", type="secondary", disabled=bool(lack))
    ask = st.button("What will it cost?", icon=":material/timer:")
    st.download_button(
        "experiment.toml",
        experiment.to_toml(),
        "experiment.toml",
        icon=":material/download:",
        on_click="ignore",
    )
if ask:
    with st.spinner("measuring this machine for a moment"):
        cost = expected_cost(experiment.to_toml())
    if isinstance(cost, str):
        st.error(escaped(cost))
    else:
        seconds = sum(step["seconds"] or 0 for step in cost)
        todo = [s for s in cost if not s["done"]]
        if not todo:
            st.success("Everything this needs has been computed already.")
        elif not seconds:
            st.info(f"{len(todo)} steps. The images have to be read once before the rest can be estimated.")
        else:
            st.info(f"About {shell.duration(seconds)}, give or take a factor of two, for {len(todo)} steps.")
        rows = [{"step": shell.STAGES.get(s["stage"], s["stage"]), **s} for s in cost]
        order = ["step", "done", "seconds", "memory_mb", "disk_mb", "key"]
        st.dataframe(rows, hide_index=True, column_order=order)
if begin:
    shell.start(experiment, device)
    st.switch_page("views/jobs.py")
