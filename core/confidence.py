"""How sure each flag is: the share of resamples of the same evidence that flag the image too.

NumPy only. Near 1 the flag does not hang on which copies or controls were drawn; near one half it does. It says nothing
about errors that all draws share: a clean image that truly resembles the misread one is flagged surely.
"""

from math import comb

import numpy as np
from jaxtyping import Float64, Int64

from core import calibration, collapse
from core.artifacts import LogitScores
from core.influence import relabel
from core.randomness import numpy_stream

Share = Float64[np.ndarray, " n"]


def of_count_rule(delta: collapse.Delta, threshold: float, tolerance: int) -> Share:
    """Share of bootstrap samples of the t copies in which at least t − tolerance changes are below the threshold.

    Exact, nothing is drawn: of t copies drawn with replacement a binomial number fails where f of t fail.
    """
    collapse.check_tolerance(tolerance, len(delta))
    t = len(delta)
    failing = np.arange(t + 1) / t
    passes = sum(comb(t, k) * failing**k * (1 - failing) ** (t - k) for k in range(tolerance + 1))
    return np.asarray(passes)[t - collapse.votes(delta, threshold)]


def of_labels(found: LogitScores, threshold: float, tolerance: int) -> Share:
    """Chance that the count rule flags an image when the copies' labels are drawn anew, each among the other classes.

    Exact: copy j fails with the share of labels that fail, and at most `tolerance` of these independent copies may.
    """
    t, k = len(found.logits) - 1, found.logits.shape[1]
    collapse.check_tolerance(tolerance, t)
    failing = np.zeros((t, found.values.shape[2]))
    for label in np.delete(np.arange(k), found.label):
        failing += relabel.changes(found.values, found.logits, found.label, np.full(t, label)) >= threshold
    failing /= k - 1
    chances = np.zeros((tolerance + 1, failing.shape[1]))  # of 0, 1, ... failures so far
    chances[0] = 1
    for fails in failing:
        chances[1:] = chances[1:] * (1 - fails) + chances[:-1] * fails
        chances[0] *= 1 - fails
    return chances.sum(0)


def of_contrast(
    picked: calibration.Scores,
    controls: Float64[np.ndarray, "m n"],
    cut_off: float,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> Share:
    """Share of bootstrap samples of picked images and controls whose contrast is above the same cut-off.

    One picked image is all that there is to draw from, and stays; then only the controls vary.
    """
    stream = numpy_stream(seed, "confidence")
    of_picked = _weights(stream.integers(0, len(picked), (resamples, len(picked))), len(picked))
    of_controls = _weights(stream.integers(0, len(controls), (resamples, len(controls))), len(controls))
    mean = of_controls @ controls
    centred = controls - controls.mean(0)  # else squares of large scores cancel
    m = len(controls)
    variance = (of_controls @ centred**2 - (of_controls @ centred) ** 2) * m / (m - 1)
    difference = of_picked @ picked - mean
    return (difference > cut_off * np.sqrt(np.maximum(variance, 0))).mean(0)


def _weights(drawn: Int64[np.ndarray, "b k"], size: int) -> Float64[np.ndarray, "b size"]:
    """How often each was drawn, as shares."""
    return np.stack([np.bincount(row, minlength=size) for row in drawn]) / drawn.shape[1]
