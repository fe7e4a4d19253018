"""Help that can be called from anywhere: the keys, and what the words mean."""

import streamlit as st

KEYS = {
    "H": "this help",
    "Histogram: ← →": "flag one image more or less",
    "Histogram: Page up, Page down": "a hundredth of the range",
    "Histogram: [ and ]": "fine steps",
    "Histogram: G": "to the plateau",
    "Gallery: arrows, Home, End": "move",
    "Gallery: Space or Enter": "pick; with Shift several, with Ctrl one more",
    "Gallery: N": "pin for comparison",
    "Gallery, Review: P, E, U": "poison, keep, unsure",
    "Gallery, Review: Z": "undo the last verdict",
    "Gallery: J, K": "next, previous, over the pages",
    "Review: 1 to 4, N": "a reason, a note",
    "Review: Y": "redo",
    "Sandbox: arrows, Enter": "choose a point, grab and drop it",
    "Sandbox: P, F, Delete": "place, flip the label, remove",
    "Surface: arrows, Enter": "move, take this threshold and tolerance",
    "R": "run the page again",
}
WORDS = {
    "victim": "the network trained on the poisoned images",
    "trigger": "what the attacker puts on an image to fool the victim; some attacks need none",
    "attacked test image": "one that the attacker wants misread, with the trigger on it where there is one",
    "query": "a test image together with the label whose cause is asked for",
    "influence": "how much a training image speaks for an answer; above zero it supports it",
    "copy": "the picked image, transformed and asked about under another label",
    "plateau": "a range of settings in which the flagged set hardly changes; no guarantee that it is right",
    "collapse": "influence that falls on nearly every copy",
    "control": "a clean test image that the victim rightly reads as the observed label",
    "contrast": "support of the misread image beyond that of the controls, in the image's own spread",
    "confidence": "share of resamples of the same evidence in which an image is flagged again",
    "final set": "the rule's flags, with those that you rescued and without those that you kept",
    "sealed": "of a blind challenge: nobody can see who the poisons are before it is revealed",
    "commitment": "a digest of a set, kept before the truth is known, so that it cannot be changed afterwards",
    "deletion change": "share of the flagged images that a cleaned model no longer reads as labelled",
    "true positive rate": "share of the poisons that are flagged",
    "precision": "share of the flagged images that are poisons",
    "precision in label": "the same among images with a label that poisons carry: harder to look good in",
    "average precision": "quality of the whole order of suspicion, whatever the threshold",
    "poison success rate": "share of the attacked test images that are read as the attacker wants",
    "clean-label accuracy": "share of the attacked test images that are read as what they are",
    "utility": "accuracy on the test images that the attack is not about",
}
"""Every term of the pages, each in one line."""


def help_button() -> None:
    """A button in the sidebar; `H` does the same."""
    if st.button("Keys and words", icon=":material/help:", shortcut="H", type="tertiary", key="help"):
        _shown()


@st.dialog("Keys and words", width="large")
def _shown() -> None:
    keys, words = st.tabs(["Keys", "Words"])
    with keys:
        st.table(KEYS)
        st.caption("Letters act where the named part has the focus: click it, or reach it with Tab.")
    with words:
        st.table(WORDS)
