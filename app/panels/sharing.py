"""Whose a case is, and the switch that shows it to everybody who may sign in."""

import streamlit as st

from app import access, ownership, results
from core.cases import Case


def sharing(case: Case) -> None:
    """A switch for its owners, words for others; nothing where nobody signs in or the case is bundled."""
    who, root = access.visitor(), results.store().root
    if not who.signed_in or case.run.shipped:
        return
    key = f"share-{case.id}"
    st.session_state[key] = ownership.is_shared(case, root)
    st.toggle(
        "Shared with everybody here",
        key=key,
        disabled=not ownership.may_change(case, root),
        on_change=access.checked("share cases", _share),
        args=(case, key),
        help="Without it, only who began the case and admins see it.",
    )
    st.text(f"Begun by {', '.join(ownership.owners_of(case, root)) or 'the command line'}")


def _share(case: Case, key: str) -> None:
    ownership.share(case, results.store().root, st.session_state[key])
