"""What somebody sees of being signed in: their name and role, the way out, and a closed page where nobody is let in."""

import streamlit as st

from app import access
from app.access import NotAllowed

ROLES = {
    "viewer": "You can look at everything that is shared with you.",
    "analyst": "You can investigate, and what you begin is yours.",
    "admin": "You see what everybody does, and may delete.",
}


def gate() -> None:
    """Stop the page for somebody who has not been let in: the guard lets nobody pass, this is the second door."""
    if not access.login_needed():
        return
    try:
        access.visitor()
    except NotAllowed as refusal:
        st.title("Sign in")
        st.info(str(refusal), icon=":material/lock:")
        if st.button("Sign in", icon=":material/login:"):
            st.login()
        st.stop()


def chip(label: str) -> None:
    """Who is signed in, in the sidebar, under a label that Markdown may show; nothing where nobody has to."""
    who = access.visitor()
    if not who.signed_in:
        return
    with st.popover(label, icon=":material/account_circle:", width="stretch"):
        st.text(who.name)
        st.badge(who.role, icon=":material/badge:", color="blue")
        st.caption(ROLES[who.role])
        if st.button("Sign out", icon=":material/logout:", key="sign-out"):
            st.logout()
