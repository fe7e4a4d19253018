"""Opens the case that somebody handed over: a bundle that is uploaded, or that lies in the data folder."""

import tempfile
from pathlib import Path

import streamlit as st

from app import access, ownership, results, state
from app.shell import escaped
from core import paths
from core.bundles import bundle
from core.bundles.bundle import BundleRefused, Opened
from core.casebook import CasebookUnavailable

OPENED = "case_opened"


def import_panel() -> None:
    """The form, and what came of it."""
    with st.expander("Open a case bundle", icon=":material/unarchive:"):
        st.caption(
            "A zip file from *Report* of another dashboard, or from `python -m core bundle`. It is checked before anything "
            "is kept, and what is here already stays as it is. The figures inside are as true as the person who computed "
            "them: a check can only tell that nothing was altered since."
        )
        upload = st.file_uploader("Bundle, up to 20 MB", type=["zip"], key="bundle-upload")
        place = st.text_input(
            "Or a larger one, by its path in the data folder",
            key="bundle-path",
            placeholder="from-a-colleague.zip",
            help=f"Below {escaped(str(paths.data_root()))}.",
        )
        ready = (upload is not None or bool(place.strip())) and access.allowed("import bundles")
        if st.button("Open it", icon=":material/unarchive:", disabled=not ready, key="open-bundle"):
            with st.spinner("Checking every file"):
                _take_in(upload, place.strip())
    if isinstance(opened := st.session_state.get(OPENED), Opened):
        _tell(opened)


def _take_in(upload: object, place: str) -> None:
    st.session_state.pop(OPENED, None)
    access.require("import bundles")
    try:
        opened = _uploaded(upload) if upload else _opened(located(place))
    except (BundleRefused, CasebookUnavailable, OSError) as error:
        st.error(f"Not opened, and nothing of it was kept. {escaped(str(error))}", icon=":material/block:")
        return
    for run in opened.runs:
        results.forget(run.id)
        ownership.claim(results.store().root, run.id)
    st.session_state[OPENED] = opened


def _uploaded(upload: object) -> Opened:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bundle.zip"
        file.write_bytes(upload.getbuffer())  # type: ignore[attr-defined]
        return _opened(file)


def _opened(file: Path) -> Opened:
    return bundle.open_bundle(file, results.store(), marks=access.visitor().signed_in)


def located(place: str) -> Path:
    """A file in the data folder. Raises BundleRefused for any other place."""
    root = paths.data_root().resolve()
    try:
        file = (root / place).resolve()
    except (OSError, ValueError) as error:
        raise BundleRefused(f"{place[:80]!r}: not a path ({error})") from error
    if not file.is_relative_to(root) or not file.is_file():
        raise BundleRefused(f"{place[:80]!r}: there is no such file in the data folder; put the bundle there")
    return file


def _tell(opened: Opened) -> None:
    """What came in, and the way there."""
    run = opened.runs[0]
    came = f"{opened.added:,} results came in" if opened.added else "Everything was here already"
    notes = f", {opened.notes:,} notes were added" if opened.notes else ""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.success(f"“{escaped(run.title)}” is open. {came}{notes}.", icon=":material/check:")
        address = state.parameters_of(state.View(case=run.id)) | {"v": state.VERSION}
        st.page_link(
            "views/investigate.py", label="Investigate it", icon=":material/search:", query_params=address
        )
