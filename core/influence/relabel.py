"""Scores of any label and any measurement, out of the scores of the logits. NumPy only, exact, no further pass.

Influence is linear in the measurement's gradient, and every measurement here is a function of the logits: its
gradient is Σ_c v_c ∇l_c, so its score is the same sum of the logits' scores. Other labels, another draw of labels,
image-only and label-only copies and other measurements are all combinations of the same numbers.
"""

from typing import Literal

import numpy as np
from jaxtyping import Float32, Int64

Measurement = Literal["margin", "cross_entropy", "logit"]


def weights(
    logits: Float32[np.ndarray, "q k"], labels: Int64[np.ndarray, " q"], measurement: Measurement = "margin"
) -> Float32[np.ndarray, "q k"]:
    """v: the measurement's derivative by each logit, for one label per row of logits.

    margin: −(l_y − logsumexp of the others), the method's own. cross_entropy: the loss itself. logit: −l_y.
    Small when the model is sure of the label, so a positive score supports it.
    """
    rows = np.arange(len(labels))
    v = np.zeros(logits.shape, np.float64)
    if measurement != "logit":
        among = logits.astype(np.float64)
        if measurement == "margin":
            among[rows, labels] = -np.inf
        v = np.exp(among - among.max(1, keepdims=True))
        v /= v.sum(1, keepdims=True)
    v[rows, labels] -= 1
    return v.astype(np.float32)


def relabelled(
    scores: Float32[np.ndarray, "q k n"],
    logits: Float32[np.ndarray, "q k"],
    labels: Int64[np.ndarray, " q"],
    measurement: Measurement = "margin",
) -> Float32[np.ndarray, "q n"]:
    """Influence of the training images on each query with this label; `scores` are those of the logits."""
    return np.einsum("qk,qkn->qn", weights(logits, labels, measurement), scores)


def changes(
    scores: Float32[np.ndarray, "q k n"],
    logits: Float32[np.ndarray, "q k"],
    label: int,
    labels: Int64[np.ndarray, " t"],
) -> Float32[np.ndarray, "t n"]:
    """Changes of influence when the copies, rows 1 to t, carry these labels and the picked image, row 0, its own."""
    given = np.concatenate([[label], labels])
    found = relabelled(scores, logits, given)
    return found[1:] - found[0]
