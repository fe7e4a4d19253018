"""Blind challenges among the cases: a card each, with the way in."""

import streamlit as st

from app import images, ownership, results, shell
from app.shell import escaped
from app.words import counted
from core.blind import challenges, commitments
from core.blind.challenges import Challenge


def challenge_cards() -> None:
    """The sealed challenges as cards, two in a row; nothing where there is none."""
    root = results.store().root
    found = [c for c in ownership.listed_challenges(challenges.every(root), root) if c.sealed]
    if not found:
        return
    st.header("Blind challenges")
    for start in range(0, len(found), 2):
        for column, challenge in zip(st.columns(2), found[start : start + 2], strict=False):
            with column, shell.explained_errors(blind=True):
                _card(challenge)


def _card(found: Challenge) -> None:
    case = results.case(found.id)
    if case is None:
        return
    with st.container(border=True, height="stretch"):
        picture, facts = st.columns([1, 2.6], vertical_alignment="top")
        if not case.unfinished:
            first = images.inline(case.plan.queries.value.images[0])
            picture.image(first, width=96, alt="the first misbehaving test image")
        known = commitments.counting(commitments.of_challenge(results.store().root, found.id))
        facts.markdown(f"**{escaped(found.title)}**")
        people = counted(len(known), "analyst")
        facts.caption(f"{found.images:,} training images · {people} committed a set")
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Investigate", key=f"open-{found.id}", icon=":material/search:"):
                st.switch_page("views/investigate.py", query_params={"case": found.id})
            st.badge("blind", icon=":material/lock:", color="violet")
