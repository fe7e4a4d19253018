"""Start a new investigation: from a preset, changed where one likes, on bundled, published or own images."""

import streamlit as st

from app import access, address_bar, forms, moved, shell
from app.panels import choices
from app.panels.forecast import forecast
from app.panels.own.own_model import own_model
from app.shell import escaped
from core import registry
from core.experiment import (
    ControlSettings,
    Experiment,
    FactorSettings,
    FrequencySettings,
    QuerySettings,
    ScoreSettings,
    Training,
    TransformSettings,
)

st.title("New investigation")
WAYS = {"preset": "An attack of ours", "own": "My own model"}
way = "own" if address_bar.shown().get("way") == "own" else "preset"
NOW = "Starts with the settings of this page as they are: the preset's, and whatever you changed below."
moved.placed(
    st.segmented_control,
    "What to investigate",
    list(WAYS),
    key="way",
    value=way,
    on_move=lambda chosen: address_bar.write({"way": chosen}),
    required=True,
    format_func=WAYS.get,
    label_visibility="collapsed",
)
if way == "own":
    own_model()
    st.stop()
names = list(choices.presets())
preset = st.selectbox(
    "Start from",
    names,
    index=names.index("digits-badnet"),
    key="preset",
    format_func=choices.preset_title,
)
base = choices.presets()[preset].model_dump(mode="json")
st.caption(escaped(choices.presets()[preset].description))
above = st.container()


def settings(kind: type, section: str) -> dict:
    """A section that has only one form."""
    return forms.fields(kind, f"{preset}-{section}", base[section])


tree: dict = {"title": st.text_input("Title", base["title"], max_chars=120, key=f"{preset}-title")}
with st.container(border=True):
    st.subheader("1 · Images")
    tree["dataset"] = choices.one("datasets", "Images", base["dataset"], f"{preset}-dataset")
    classes: tuple[str, ...] = ()
    try:
        dataset = registry.create("datasets", **tree["dataset"])
        lack, classes = dataset.missing(), dataset.known_classes()
    except (ValueError, OSError) as error:
        lack = shell.complaint(error)
    if lack:
        st.warning(escaped(lack), icon=":material/folder_off:")
with st.container(border=True):
    st.subheader("2 · Attack")
    tree["attack"] = choices.one("attacks", "Attack", base["attack"], f"{preset}-attack", classes)
with st.container(border=True):
    st.subheader("3 · Classifier")
    tree["model"] = choices.one("models", "Architecture", base["model"], f"{preset}-model")
    with st.expander("Training"):
        tree["training"] = settings(Training, "training")
with st.container(border=True):
    st.subheader("4 · Investigation")
    tree["queries"] = settings(QuerySettings, "queries")
    tree["transforms"] = settings(TransformSettings, "transforms")
    tree["controls"] = settings(ControlSettings, "controls")
    with st.expander("Influence"):
        tree["factors"] = settings(FactorSettings, "factors")
        tree["scores"] = settings(ScoreSettings, "scores")
with st.container(border=True):
    st.subheader("5 · Detection")
    tree["detectors"] = choices.several("detectors", "Detectors", base["detectors"], f"{preset}-detectors")
    detectors = [d["name"] for d in tree["detectors"]]
    if choices.asks_for(detectors, "frequency"):
        with st.expander("Frequency classifier"):
            tree["frequency"] = settings(FrequencySettings, "frequency")
with st.container(border=True):
    st.subheader("6 · Unlearning")
    tree["unlearners"] = choices.several(
        "unlearners", "Unlearners", base["unlearners"], f"{preset}-unlearners"
    )
    tree["unlearn_after"] = [name for name in base["unlearn_after"] if name in detectors]
    if tree["unlearners"]:
        tree["unlearn_after"] = choices.unlearn_after(detectors, base["unlearn_after"], f"{preset}-after")
        st.caption(choices.multiplied(len(tree["unlearn_after"]), len(tree["unlearners"])))

try:
    experiment = Experiment.checked(base | tree)
except ValueError as error:
    st.error(
        "These settings do not fit together:\n\n"
        + "\n".join(f"- {escaped(x)}" for x in str(error).splitlines())
    )
    st.stop()

places = {"auto": "GPU if there is one", "cpu": "CPU", "cuda": "GPU"}
device = st.segmented_control(
    "Compute on", list(places), default="auto", format_func=places.get, required=True, key="device"
)
with st.container(horizontal=True):
    ready = not lack and access.allowed("start jobs")
    begin = st.button("Start", icon=":material/play_arrow:", type="secondary", disabled=not ready)
    begin |= above.button(
        "Start now", key="start-now", icon=":material/play_arrow:", disabled=not ready, help=NOW
    )
    ask = st.button("What will it cost?", icon=":material/timer:", **access.only("start jobs"))
    st.download_button(
        "experiment.toml",
        experiment.to_toml(),
        "experiment.toml",
        icon=":material/download:",
        on_click="ignore",
    )
if ask:
    forecast(experiment.to_toml())
if begin:
    shell.start(experiment, device)
    st.switch_page("views/jobs.py")
