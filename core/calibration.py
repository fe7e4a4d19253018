"""Contrast of influence with control images, and a cut-off for it that needs no ground truth.

NumPy only. `picked` float [q n] and `controls` float [m n] are scores of n training images, for the same label: on
q misread test images, and on m clean test images that the victim reads rightly as that label. All functions
work in float64, because a well fitted image's scores are many magnitudes smaller than a badly fitted one's.
"""

import numpy as np
from jaxtyping import Float64

Scores = Float64[np.ndarray, "q n"]
PerImage = Float64[np.ndarray, " n"]
LEAST = 4
"""Controls below which neither their spread nor a null distribution can be told."""


def contrast(picked: Scores, controls: Float64[np.ndarray, "m n"]) -> PerImage:
    """How much more an image supports the picked test images than the controls, in deviations over the controls.

    (mean of picked − mean of controls) / standard deviation of controls. Every score of a training image is its
    p_wrong times something (the cross-entropy's gradient is p_wrong times the margin's), so p_wrong cancels.
    Zero where the controls do not differ, as for an image without any influence.
    """
    mean, deviation = controls.mean(0), controls.std(0, ddof=1)
    return np.divide(picked.mean(0) - mean, deviation, out=np.zeros_like(mean), where=deviation > 0)


def left_out(controls: Float64[np.ndarray, "m n"], size: int) -> Float64[np.ndarray, "m n"]:
    """What `contrast` gives when `size` controls stand in for picked test images: a null distribution.

    Row j takes controls j to j + size − 1, counted around, as if they were picked, and compares them with the
    others. It presumes that a clean training image treats a misread test image no better than it treats another
    member of the class. Raises ValueError where fewer than three controls would be left to compare with.
    """
    m = len(controls)
    if not 1 <= size <= m - 3:
        raise ValueError(
            f"{m} control images: expected at least {size + 3} to stand in for {size} picked ones"
        )
    places = (np.arange(m)[:, None] + np.arange(m)) % m  # row j begins with the stand-ins of row j
    return np.stack([contrast(controls[row[:size]], controls[row[size:]]) for row in places])


def p_values(statistic: PerImage, null: Float64[np.ndarray, "m n"]) -> PerImage:
    """Share of a pooled null distribution that reaches the statistic, the statistic itself counted in.

    (1 + #{null >= statistic}) / (1 + #null): Phipson and Smyth 2010, arXiv 1603.05766. Pooling presumes that the
    statistic has one null distribution for all images, which is what the division by the own deviation is for.
    """
    pool = np.sort(null, axis=None)
    return (1 + len(pool) - np.searchsorted(pool, statistic)) / (1 + len(pool))


def largest_rejected(p: PerImage, rate: float) -> float:
    """The p-value up to which a share `rate` of what is flagged, at most, is expected to be false; zero for none.

    Benjamini and Hochberg 1995; holds for independent p-values and for positively dependent ones.
    """
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= rate * np.arange(1, len(p) + 1) / len(p))
    return float(ordered[passed[-1]]) if len(passed) else 0.0


def level(null: Float64[np.ndarray, "m n"], p: float) -> float:
    """The value that a statistic has to exceed for its p-value to be `p` < 1 or less; never beyond the null's largest."""
    pool = np.sort(null, axis=None)[::-1]
    beyond = int(np.floor(p * (1 + len(pool)) + 1e-9)) - 1
    return float(pool[min(max(beyond, 0), len(pool) - 1)])
