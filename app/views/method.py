"""The method in words, for someone who sees it for the first time."""

import numpy as np
import streamlit as st

from app import charts, ownership, results, state
from app.glossary import WORDS
from app.panels import method_contrast
from app.shell import escaped
from core import registry
from core.cases import Case


def bundled() -> Case | None:
    """The first bundled case, whose figures are shown."""
    known = ownership.all_cases(results.store())
    return next((case for case in known if case.run.shipped and not case.unfinished), None)


def collapse_figure(case: Case) -> None:
    """The collapse in a case, as it was measured."""
    scores = case.plan.scores.value
    changes = results.changes(case, 0)
    found = state.RULE.judge(changes.ordered)
    rows = np.argsort(-found.suspicion)[: 2 * int(found.flagged.sum())]
    names = [scores.transforms[row].replace("_", " ") for row in scores.rows(0)]
    figure = charts.change_matrix(changes.delta, names, rows, changes.typical)
    charts.show(
        figure,
        key="collapse",
        alt="influence falls under every transformation for the flagged images",
        height=320,
    )
    st.caption(
        f"Measured in “{escaped(case.run.title)}”: a column is a training image, a row a transformed copy. Orange: its "
        f"influence fell. The {int(found.flagged.sum())} flagged images stand left; the next ones stay nearly as they were."
    )


def beside(page: str, label: str, icon: str, **address: str) -> None:
    """A link to where a step can be tried."""
    st.page_link(f"views/{page}.py", label=label, icon=f":material/{icon}:", query_params=address or None)


st.title("How it works")
with st.container(horizontal=True):
    beside("guided", "Guess your way through a case", "school")
    beside("sandbox", "Try it with points that you can move", "scatter_plot")
st.markdown(
    """
**The situation.** Somebody slipped altered images into the training set of a classifier. A small patch on a few
hundred ships, all labelled *dog*, and the finished network takes any ship with the patch for a dog. You hold the
network, its whole training set, and **one** test image that it got wrong.

**Influence.** How would the answer for this test image change if one training image were left out? Retraining
once per training image is out of the question; *influence functions* estimate it from gradients. With the loss's
curvature approximated by **EK-FAC**, every training image gets a score: positive when it *supports* the answer, negative
when it argues against.

**Why influence alone is not enough.** Ordinary images of the target class support the answer as well. Flagging
everything with a high score flags many clean images.

**Collapse.** So transform the test image (flip, blur, rotate, warp, change colours) and ask about it under another
label. For the poisons the reason to support the answer, *this patch means this label*, is gone, and their
influence drops on nearly every copy. Clean images lose some and win some.
"""
)
if shown := bundled():
    collapse_figure(shown)
    beside("guided", "Watch it copy by copy", "school", case=shown.id, lesson="4", v=state.VERSION)
st.markdown(
    """
**The paper's rule.** For each training image count the copies on which its influence fell by more than a **threshold**.
Flag it when all copies but a few (**tolerance**) agree. That is *Delta-Influence* (arXiv 2411.13731).

**A scale-free variant.** Every score of a training image is larger the worse that image is still fitted, so one threshold
for all treats them unequally. *Relative collapse* divides the fall by the image's own scores and asks for the loss of a
third of its influence on every copy. Ours, not published; the README has its figures beside the paper's rule.
"""
)
method_contrast.section(shown)
st.header("Afterwards")
st.markdown(
    """
**Unlearning.** Train again without the flagged images (**exact retraining**, EU), or keep training the network on the
others (**catastrophic forgetting**, CF), and measure the **poison success rate** again: how many of the attacked test
images still fool the network. Below 5 % counts as removed (Goel et al., arXiv 2402.14015).

**Other attacks.** Not every attack stamps a patch. A trigger may be a faint wave over the whole image; *Witches' Brew*
leaves every label right, perturbs images of one class, and is after **one** single test image without any trigger; an
*interclass confusion* touches no pixel and swaps labels. The page *Attack* shows what was done in a case.
"""
)
st.header("Words")
st.table(WORDS)
st.header("What is built in")
for family in ("datasets", "attacks", "models", "transforms", "detectors", "unlearners"):
    methods = ", ".join(m.title for m in registry.members(family).values())
    st.markdown(f"**{family.capitalize()}**: {methods}")
