"""One's own model on one page: images, weights, the image that it misreads, and what all of it will cost."""

from typing import Any

import streamlit as st

from app import access, forms, images, shell
from app.panels import choices
from app.panels.forecast import forecast
from app.panels.own import own_progress, own_weights
from app.shell import escaped
from app.words import counted, listed
from core import picks, registry
from core.datasets import DatasetPlugin
from core.experiment import ControlSettings, Experiment, FactorSettings, ScoreSettings, TransformSettings
from core.picks import Pick
from core.recipe import Training
from core.safeload import SUFFIXES, ImageRefused

KEY = "own"
DETECTORS = [{"name": "contrast"}, {"name": "delta_influence"}]
MOST_CLASSES = 20
WHERE = ("path", "test_path")
"""Fields of a dataset that are asked first."""
PART = ("train_limit", "test_limit", "sample_seed")
"""Fields that leave images out."""


def own_model() -> None:
    """The whole form; starts the work and waits for it."""
    st.markdown(
        "You bring the training images, the weights and **one image that the model misreads**. Nobody has to know who "
        "was altered. Everything stays on this machine."
    )
    st.page_link(
        "views/guide.py",
        label="Step by step, and the same from the command line",
        icon=":material/menu_book:",
        query_params={"tab": "own_model"},
    )
    tree: dict[str, Any] = {"title": st.text_input("Title", "My model", max_chars=120, key=f"{KEY}-title")}
    lacks: list[str] = []
    with st.container(border=True):
        st.subheader("1 · Training images")
        dataset = _images(tree, lacks)
    with st.container(border=True):
        st.subheader("2 · Architecture and weights")
        _network(tree, lacks, dataset)
    with st.container(border=True):
        st.subheader("3 · The image that it misreads")
        _odd_image(tree, lacks, dataset)
    with st.container(border=True):
        st.subheader("4 · Measure, and start")
        _settings(tree)
        _start(tree, lacks)


def _images(tree: dict[str, Any], lacks: list[str]) -> DatasetPlugin | None:
    kind = forms.choose("datasets", "Images", "folder", f"{KEY}-dataset")
    first = [name for name in (*WHERE, *kind.model_fields) if name in forms.shown_fields(kind)]
    first = [name for name in dict.fromkeys(first) if name not in PART]
    tree["dataset"] = {"name": kind.name} | forms.fields(kind, f"{KEY}-dataset", {}, only=first)
    with st.expander("Use a part of the images"):
        st.caption("What is left out cannot be found: its influence is not measured.")
        tree["dataset"] |= forms.fields(kind, f"{KEY}-part", {}, only=PART)
    try:
        dataset = registry.create("datasets", **tree["dataset"])
        lack = dataset.missing()
        classes = () if lack else dataset.known_classes()
    except (ValueError, OSError) as error:
        dataset, lack, classes = None, shell.complaint(error), ()
    if lack:
        st.warning(escaped(lack), icon=":material/folder_off:")
        lacks.append("the training images")
    else:
        st.caption(_order(classes))
    return dataset


def _order(classes: tuple[str, ...]) -> str:
    """The class order in words, for comparison with that of the training script."""
    if not classes:
        return "*Check* shows the class order."
    named = [escaped(n if n == str(k) else f"{k} {n}") for k, n in enumerate(classes[:MOST_CLASSES])]
    more = [f"{len(classes) - len(named)} more"] if len(classes) > len(named) else []
    return (
        f"**Class order: {' · '.join(named + more)}.** It has to be that of your training. For another order begin the "
        "names of the folders with 00, 01, …"
    )


def _network(tree: dict[str, Any], lacks: list[str], dataset: DatasetPlugin | None) -> None:
    tree["model"] = choices.one("models", "Architecture", {"name": "resnet9"}, f"{KEY}-model")
    given = own_weights.chosen(f"{KEY}-weights")
    if given is None:
        lacks.append("the weights")
    tree["training"] = given or {}
    st.markdown(
        "**Standardisation in your training script.** Not in the weights; with wrong values it reads noise."
    )
    if dataset is not None:
        about = forms.fields(type(dataset), f"{KEY}-standard", {}, only=("mean", "std"))
        tree["dataset"] |= about
        if not any(about.values()):
            st.caption("Empty: mean and deviation of these training images. Example: 0.485, 0.456, 0.406")


def _odd_image(tree: dict[str, Any], lacks: list[str], dataset: DatasetPlugin | None) -> None:
    ways = {"upload": "Upload it", "test": "One of the test images"}
    way = st.segmented_control(
        "Where it is", list(ways), default="upload", required=True, format_func=ways.get, key=f"{KEY}-odd-way"
    )
    if way == "test":
        row = st.number_input("Row of the test set, counted from 0", 0, step=1, key=f"{KEY}-row", width=260)
        pick: Pick | None = Pick(source="test", row=int(row))
        st.caption("By class folder, then by path. *Check* says what it is labelled and what it is read as.")
    else:
        pick = _uploaded(dataset.side if dataset else 32)
    if pick is None:
        lacks.append("the image that it misreads")
    tree["queries"] = (pick or Pick(source="test", row=0)).model_dump(mode="json")


def _uploaded(side: int) -> Pick | None:
    file = st.file_uploader(
        f"PNG, JPEG or WebP; the centred square is scaled to {side} × {side} pixels, as the training images are.",
        type=[suffix[1:] for suffix in SUFFIXES],
        key=f"{KEY}-odd",
    )
    if file is None:
        return None
    try:
        access.require("upload files")
        pick = picks.keep_upload(file.getvalue(), side)
    except ImageRefused as error:
        st.error(escaped(str(error)), icon=":material/broken_image:")
        return None
    pixels = images.enlarged(picks.read_upload(pick.digest))
    st.image(images.inline(pixels), width=112, alt="the uploaded image as the model sees it")
    return pick


def _settings(tree: dict[str, Any]) -> None:
    sections = {
        "transforms": ("Transformed copies", TransformSettings),
        "controls": ("Control images", ControlSettings),
        "factors": ("Curvature", FactorSettings),
        "scores": ("Influence", ScoreSettings),
    }
    with st.expander("Settings of the investigation"):
        for section, (title, kind) in sections.items():
            st.markdown(f"**{title}**")
            tree[section] = forms.fields(kind, f"{KEY}-{section}", {})
        tree["detectors"] = choices.several("detectors", "Detectors", DETECTORS, f"{KEY}-detectors")
    tree["unlearners"] = choices.several("unlearners", "Unlearn at once", [], f"{KEY}-unlearners")
    names = [d["name"] for d in tree["detectors"]]
    tree["unlearn_after"] = names[:1]
    st.caption(
        "You can also unlearn afterwards, on *Unlearn*, once you have looked at what is flagged: better where you are "
        "not sure."
    )


def _start(tree: dict[str, Any], lacks: list[str]) -> None:
    experiment = _experiment(tree) if not lacks else None
    if lacks:
        st.info(f"Still missing: {listed(lacks)}.", icon=":material/pending:")
    with st.container(horizontal=True):
        none = experiment is None
        trains = experiment is not None and isinstance(experiment.training, Training)
        check = st.button(
            "Check", icon=":material/fact_check:", disabled=none or trains, key=f"{KEY}-check", help=CHECK
        )
        ask = st.button("What will it cost?", icon=":material/timer:", disabled=none, key=f"{KEY}-cost")
        begin = st.button("Start", icon=":material/play_arrow:", disabled=none, key=f"{KEY}-start")
        st.download_button(
            "experiment.toml",
            experiment.to_toml() if experiment else "",
            "experiment.toml",
            icon=":material/download:",
            on_click="ignore",
            disabled=none,
            key=f"{KEY}-toml",
        )
    if experiment and check:
        own_progress.check(experiment)
    if experiment and ask:
        forecast(experiment.to_toml())
    if experiment and begin:
        own_progress.begin(experiment)
    own_progress.arriving()


CHECK = (
    "Reads the images, puts the weights into the architecture and counts how many training images it reads as labelled. "
    "These are the first steps of the investigation; none is done twice."
)


def _experiment(tree: dict[str, Any]) -> Experiment | None:
    """The experiment, or None with the reasons said."""
    try:
        return Experiment.checked({"attack": {"name": "unknown"}} | tree)
    except ValueError as error:
        lines = str(error).splitlines()
        reasons = "\n".join(f"- {escaped(line)}" for line in lines)
        st.error(f"{counted(len(lines), 'setting')} will not do:\n\n{reasons}")
        return None
