"""What the papers claim and what our figures say to it; and where our figures differ from the published ones."""

import streamlit as st

from app.shell import escaped
from app.words import counted
from core import findings, wording
from core.findings import Findings, Told

MARKS = {
    "holds": (":material/check_circle:", "holds"),
    "partly": (":material/contrast:", "holds in part"),
    "fails": (":material/cancel:", "does not hold"),
    "unknown": (":material/pending:", "not measured yet"),
}
FAR = 0.1


def claims(found: Findings) -> None:
    """Each claim with what our figures say to it, in a mark and in words."""
    told = findings.claims(found)
    if not told:
        st.caption("The paper makes no claim here that a figure could contradict.")
    for claim in told:
        st.markdown(sentence(claim))


def sentence(claim: Told) -> str:
    """A claim as Markdown."""
    icon, word = MARKS[claim.state]
    said = claim.claim[0].upper() + claim.claim[1:] + "."
    told = said if claim.state == "unknown" else claim.sentence(wording.setting_title)
    return f"{icon} **{word}** · {escaped(told)}"


def differences(found: Findings) -> None:
    """A list in words, folded away."""
    far = findings.differences(found, FAR)
    if not found.study.published:
        st.caption(
            "The paper shows this as a chart; no figures are published that ours could be held against."
        )
        return
    count = counted(len(far), "figure")
    with st.expander(f"Where our figures differ from the published ones: {count}", icon=":material/compare:"):
        small = " Part of it is size: ours is a smaller experiment." if found.scale == "cpu" else ""
        st.caption(f"Further apart than {100 * FAR:.0f} points of a hundred, the furthest first.{small}")
        st.markdown(
            "\n".join(f"- {escaped(wording.difference(found.study.name, d))}" for d in far) or "None."
        )
