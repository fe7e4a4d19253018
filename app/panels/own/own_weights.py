"""The weights of one's own model: uploaded, a file in the data folder, or none, to train here."""

from pathlib import Path
from typing import Any

import streamlit as st

from app import access, forms
from app.shell import escaped
from core import paths, weights
from core.datasets import located
from core.recipe import Training
from core.safeload import Refused, clean_name

WAYS = {"upload": "Upload a file", "file": "A file in the data folder", "none": "None: train here"}
TAKEN = ["safetensors", "pth", "pt", "ckpt", "bin"]
"""Endings that the field takes; the content decides, and for those that may hold code it says what to do."""


RECIPE = (
    "Finding who is behind the image needs none of this. Unlearning does: exact retraining and fine-tuning train by it, "
    "and a recipe that does not suit your images gives a poor cleaned model. Say it as far as you know it."
)


def chosen(key: str) -> dict[str, Any] | None:
    """What goes into `training`: kept weights with the recipe behind them, or a recipe; None while there are none."""
    way = st.segmented_control(
        "Weights", list(WAYS), default="upload", required=True, format_func=WAYS.get, key=f"{key}-way"
    )
    digest = ""
    if way != "none":
        try:
            digest = _uploaded(key) if way == "upload" else _in_folder(key)
        except (Refused, OSError) as error:
            st.error(escaped(str(error)), icon=":material/block:")
    with st.expander("How it is trained" if way == "none" else "How it was trained"):
        if way != "none":
            st.caption(RECIPE)
        recipe = forms.fields(Training, f"{key}-recipe", {})
    if way == "none":
        return recipe
    return {"digest": digest, "recipe": recipe} if digest else None


def _uploaded(key: str) -> str:
    most = st.get_option("server.maxUploadSize")
    file = st.file_uploader(
        f"Safetensors, at most {most} MB here; larger ones go into the data folder.",
        type=TAKEN,
        key=f"{key}-upload",
    )
    if file is None:
        return ""
    return _kept(file.name, (file.file_id, file.size), lambda: file.getvalue(), key)


def _in_folder(key: str) -> str:
    root = paths.data_root()
    name = st.text_input(
        "Weights file",
        placeholder="weights.safetensors",
        key=f"{key}-file",
        help=f"Below the data folder, {escaped(str(root))}.",
    )
    if not name:
        return ""
    file = located(name)
    if not file.resolve().is_relative_to(root.resolve()):
        raise weights.WeightsRefused(
            clean_name(name), f"expected a file below the data folder {root}", "move it there"
        )
    state = file.stat() if file.is_file() else None
    return _kept(file.name, (str(file), state and (state.st_size, state.st_mtime_ns)), lambda: file, key)


def _kept(name: str, which: Any, content: Any, key: str) -> str:
    """The digest, found once for each file: its numbers are all looked at."""
    known = st.session_state.get(f"{key}-kept")
    if not known or known[0] != which:
        with st.spinner("looking at the file"):
            access.require("upload files")
            known = (which, weights.keep_weights(content()))
        st.session_state[f"{key}-kept"] = known
    _facts(name, weights.file_of(known[1]))
    return known[1]


def _facts(name: str, file: Path) -> None:
    found = weights.header(file)
    _, removed = weights.plain_names(found.shapes)
    st.caption(
        f":material/check_circle: {escaped(clean_name(name))}: {len(found.entries):,} tensors, "
        f"{found.parameters:,} numbers, all finite."
        + (f" Every name begins with {escaped(removed)}, which is taken off." if removed else "")
    )
