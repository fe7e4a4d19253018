"""The contrast with controls in words and equations, and its calibration in the first bundled case."""

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from app import charts, results, state, words
from app.shell import escaped
from core.cases import Case
from core.detectors.contrast import Contrast, Group

BINS = 48

FACTOR = r"""
**Why plain changes mislead.** With the negative margin $m(z) = \log\sum_{k \neq y} e^{\ell_k} - \ell_y$ the
cross-entropy of a training image $z_i$ is $\log(1 + e^{m(z_i)})$. So its gradient, and with it every one of its
influence scores, carries one factor $p_i$, the probability that the victim gives to other labels:

$$
\nabla \mathrm{CE}(z_i) = p_i\, \nabla m(z_i), \qquad p_i = 1 - \Pr(y_i \mid z_i),
$$

$$
s_i(q) = p_i \,\langle \nabla m(z_i),\, H^{-1} \nabla m(q) \rangle .
$$

Over one training set $p_i$ spans many powers of ten. A threshold on plain changes asks first how badly an image is
fitted and only then what it supports. And the new label makes nearly every image of the observed label collapse:
collapse finds the label, which the wrong answer has named already, and says little about *which* images of that
label did it.

**Controls ask what is left.** A control is a clean test image that the victim rightly reads as the observed label.
A clean training image of the class supports controls at least as much as it supports the misread image $x$. A
poison supports what carries the trigger, and controls do not. With mean $\bar c_i$ and deviation $\sigma_i$ of an
image's scores on the controls,

$$
z_i = \frac{\bar s_i(x) - \bar c_i}{\sigma_i} ,
$$

where $p_i$ cancels. No label and no transformation is drawn, so only other controls or other misread images can
change a flag.

**The cut-off needs no truth.** Let each control $j$ stand in for $x$ while the others remain controls: these
$z_k^{(j)}$ are what $z$ looks like without any attack. Counting how many reach $z_i$ gives a p-value, and Benjamini
and Hochberg's rule flags the $r$ smallest, for the largest $r$ that passes:

$$
\pi_i = \frac{1 + \#\{(k, j) : z_k^{(j)} \ge z_i\}}{1 + \#\{(k, j)\}} , \qquad \pi_{(r)} \le q\, \frac{r}{n} .
$$

At most a share $q$, 5 % unless you say otherwise, of the flags is then *expected* to be false. This is no
guarantee: it presumes one null distribution for all images of the label, and that p-values depend on each other
harmlessly.
"""
FAILS = """
**Where it fails.** *Clean-label poisons* (Witches' Brew) are real members of the class and support controls too:
few stand out. Under *interclass confusion* the victim has no clear class left, and mislabelled images support
the controls as well. With *few controls* (four at the least, some twenty to be of use) neither spread nor null can be
told. A clean image that *resembles* the misread one supports it more than it supports the class, and is flagged.
The expected false-discovery rate is *not exact*: the page *The papers' tables* has the share of false flags as
measured, attack by attack.
"""
COMPUTED = """
**How it is computed.** EK-FAC, in kronfluence's file format and to its numbers, by an engine of our own. The
covariance of a 3 × 3 convolution's inputs comes from 25 correlations of the input with itself instead of from
unfolded patches; gradients are rotated into the eigenbasis in whichever order is cheaper; one pass over the training images
serves all queries. Gradients may stay in the eigenbasis, in bf16: another test image, damping, curvature or choice
of layers is then a matrix product and not another pass. Labels are linear: one score per logit gives the score
under every label.
"""


def section(shown: Case | None) -> None:
    """The whole section; without a case that has controls, without its figure."""
    st.header("Contrast with controls")
    st.markdown("This is what flags images unless you choose another rule. Ours, not published.")
    st.markdown(FACTOR)
    if shown is not None:
        _measured(shown)
    st.markdown(FAILS)
    st.markdown(COMPUTED)


def _measured(case: Case) -> None:
    """The figure, where the case has controls to calibrate with."""
    rule = next((d for d in case.run.experiment.detectors if isinstance(d, Contrast)), Contrast())
    try:
        groups = rule.groups(case.plan.scores.value, case.plan.poisoned.value)
    except ValueError:  # computed without controls, or with too few
        return
    group, level = groups[0], rule.levels(groups)[0]
    name = case.plan.poisoned.value.class_names[int(case.plan.queries.value.labels[rule.query])]
    known = results.truth(case, state.current())
    poisons = known.poisoned[group.rows] if known else np.zeros(len(group.rows), bool)
    beyond = int((group.statistic > level).sum())
    charts.show(
        histogram(group, level, poisons),
        key="calibration",
        alt=f"contrast of {len(group.rows)} training images, {beyond} of them beyond the calibrated cut-off {level:.2f}",
        height=320,
    )
    st.caption(
        f"Measured in “{escaped(case.run.title)}”: the {len(group.rows):,} training images labelled {words.quoted(name)}. "
        f"The line is what {len(group.controls)} controls let one expect without any attack; {beyond} images lie beyond the "
        "cut-off. The last bar holds all that lie further out."
    )


def histogram(group: Group, level: float, poisons: np.ndarray) -> go.Figure:
    """Training images by contrast, poisons apart where any are marked, over what the null lets one expect."""
    z, null = group.statistic, group.null
    low, high = float(min(z.min(), null.min())), max(2 * level, float(np.quantile(z, 0.98)))
    edges = np.linspace(low, max(high, low + 1), BINS + 1)
    middles, width = (edges[:-1] + edges[1:]) / 2, edges[1] - edges[0]
    figure = go.Figure()
    marked = ((True, charts.FLAGGED, "poisons"), (False, charts.OTHER, "other training images"))
    for kind, colour, name in marked if poisons.any() else ((False, charts.OTHER, "training images"),):
        figure.add_bar(
            x=middles,
            y=_counts(z[poisons == kind], edges),
            width=width,
            name=name,
            marker_color=colour,
            hovertemplate="contrast %{x:.1f}: %{y}<extra>%{fullData.name}</extra>",
        )
    figure.add_scatter(
        x=middles,
        y=_counts(null, edges) / len(null),
        mode="lines",
        name="expected without an attack",
        line={"shape": "hvh", "color": charts.GOOD, "width": 2},
        hovertemplate="contrast %{x:.1f}: %{y:.1f}<extra>%{fullData.name}</extra>",
    )
    line = {"line_dash": "dash", "line_width": 2, "line_color": charts.PALETTE[5]}
    figure.add_vline(x=level, **line, annotation_text=f"cut-off {level:.2f}")
    figure.update_layout(barmode="stack", bargap=0.05, showlegend=True)
    return figure.update_xaxes(title="contrast, in the image's own deviations").update_yaxes(title="images")


def _counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
