"""Whose a case is, and the switch that shows it to everybody who may sign in."""

import streamlit as st

from app import access, moved, ownership, results
from core.cases import Case


def sharing(case: Case) -> None:
    """A switch for its owners, words for others; nothing where nobody signs in or the case is bundled."""
    who, root = access.visitor(), results.store().root
    if not who.signed_in or case.run.shipped:
        return
    share = access.checked("share cases", ownership.share)
    moved.placed(
        st.toggle,
        "Shared with everybody here",
        key=f"share-{case.id}",
        value=ownership.is_shared(case, root),
        on_move=lambda everybody: share(case, root, everybody),
        disabled=not ownership.may_change(case, root),
        help="Without it, only who began the case and admins see it.",
    )
    st.text(f"Begun by {', '.join(ownership.owners_of(case, root)) or 'the command line'}")
