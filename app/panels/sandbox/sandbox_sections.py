"""The sandbox's sections: influence against truth, the collapse, and unlearning."""

import numpy as np
import streamlit as st

from app import charts, learn_charts
from app.components.threshold import threshold
from app.panels.sandbox.sandbox_plot import CLASSES, bound, changed, powers
from core import collapse
from core.learn.sandbox_answer import Answer

COPIES = {"both": "moved and relabelled", "move": "moved only", "relabel": "relabelled only"}


def influence(found: Answer) -> None:
    """What influence is, and how well the estimate agrees with the truth."""
    st.header("What is influence?")
    st.markdown(
        "How sure would the answer for the test point (✕) still be **without one training point**? The drop is that "
        "point's influence: *positive* when it supports the answer (solid ring), *negative* when it argues against it "
        "(dashed ring). Training again once per point answers it exactly, but only for toys like this one. The estimate "
        "needs **one** trained classifier: the gradient of the point's loss, and the curvature of the whole loss."
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        figure = learn_charts.agreement(
            found.influence, found.truth, found.planted, "placed or flipped by you"
        )
        agreed = found.agreement
        alt = "influence against training anew" + (
            f", correlation {agreed:.2f}" if agreed is not None else ""
        )
        charts.show(figure, key="sandbox-agreement", alt=alt, height=300)
    with right:
        st.metric("Correlation with the truth", "–" if agreed is None else f"{agreed:.3f}")
        st.caption(
            "Each dot is a training point. On the dotted line the estimate is exact. It drifts where one point matters a "
            "lot: the estimate extrapolates in a straight line. Weaken the penalty, or raise the damping, to see it."
        )
        hint = "Added to the curvature. Networks need some, because their curvature is known only roughly; here none is."
        powers("Damping", "damping", found.scene, range(-30, 21, 10), hint)


def fall(found: Answer) -> None:
    """What collapses when the test point is transformed, and the threshold."""
    st.header("What collapses?")
    st.markdown(
        "Now the test point is changed 24 times: **moved** somewhere (the small crosses) and asked about **another "
        "label**. A poison supports one answer at one place, so its influence falls on nearly every copy. An honest "
        "point loses some and wins some. A point is flagged when all but a tolerated few of its changes are below the "
        "threshold. Try *relabelled only*: then honest points fall as well, which is why the method does both."
    )
    options = {"options": list(COPIES), "format_func": COPIES.get, "required": True}
    bound(st.segmented_control, "Copies of the test point are", "copies", found.scene, **options)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _threshold(found)
        _matrix(found)
    with right:
        bound(
            st.slider, "Tolerance", "tolerance", found.scene, min_value=0, max_value=10,
            help="How many of the copies may fail to push the influence below the threshold.",
        )  # fmt: skip
        _found(found)


def _threshold(found: Answer) -> None:
    statistic = np.sort(found.statistic)
    threshold(
        statistic,
        found.scene.threshold,
        flagged_total=len(statistic),
        key="sandbox-threshold",
        height=150,
        on_move=lambda value: changed(threshold=float(f"{value:.4g}")),
    )


def _matrix(found: Answer) -> None:
    order = np.argsort(found.statistic, kind="stable")
    names = [f"asked about {CLASSES[k]}" for k in found.copies[1]]
    figure = charts.change_matrix(found.delta, names, order, collapse.typical_change(found.delta))
    figure.update_xaxes(title="training points, most suspect first")
    alt = f"changes of influence; the {int(found.flagged.sum())} flagged points stand left"
    charts.show(figure, key="sandbox-matrix", alt=alt, height=260)


def _found(found: Answer) -> None:
    planted, hits = int(found.planted.sum()), int((found.flagged & found.planted).sum())
    flagged = int(found.flagged.sum())
    with st.container(horizontal=True, gap="large"):
        st.metric("Flagged", str(flagged), width="content")
        if planted:
            hint = "Points that you placed, or whose label was changed."
            st.metric("Of the planted", f"{hits} of {planted}", help=hint, width="content")
            st.metric("Wrongly", str(flagged - hits), width="content")
    if planted and found.reading.label == 0 and not hits:
        st.info(
            "The test point is not fooled, so there is nothing to trace: what is flagged supports a right answer."
        )


def unlearning(found: Answer) -> None:
    """What training again without the flagged points changes."""
    st.header("Unlearn")
    st.markdown(
        "Taking the flagged points out and training again is the surest way to forget them. If they were the cause, the "
        "answer for the test point flips back, and the accuracy elsewhere stays. The switch beside the plot shows the "
        "new boundary."
    )
    if found.after is None:
        st.info("Nothing is flagged, so there is nothing to forget. Move the threshold, or try an attack.")
        return
    asked, then = CLASSES[found.reading.label], found.after
    figure = learn_charts.shares(
        [f"test point is {asked}", "accuracy"],
        [float(found.reading.probabilities[found.reading.label]), found.reading.accuracy],
        [float(then.probabilities[found.reading.label]), then.accuracy],
    )
    left, right = st.columns([3, 2], gap="medium")
    with left:
        alt = f"before and after: accuracy {found.reading.accuracy:.1%}, then {then.accuracy:.1%}"
        charts.show(figure, key="sandbox-after", alt=alt, height=200)
    with right:
        st.metric("Margin lost", f"{found.reading.margin - then.margin:.2f}")
        st.caption(
            f"The influence of the flagged points adds up to {found.foretold:.2f}. For a group the sum is rougher than "
            "for a single point: each is judged as if the others stayed."
        )
