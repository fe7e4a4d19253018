"""Influence where it can be computed exactly: points in the plane and a softmax regression trained to its optimum.

NumPy only and a few milliseconds, so that a page can answer every gesture. `influence` is the first-order answer
with the full Hessian, `left_out` the truth by training anew without each point. Positive supports the label, as
everywhere in the project: without the point the margin would be lower.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float64, Int64

FIELD = 3.0
"""Points lie between minus this and plus this."""
KNOTS, WIDTH = 5, 1.1
"""Centres of the radial features along one side of the field, and how far each reaches."""
CONVERGED = 1e-9
"""Largest gradient of a finished training."""
CLOSE = 1e-7
"""The same where one point is left out: margins are then right to six digits."""
MOST_STEPS = 60


def features(at: Float64[np.ndarray, "n 2"], kind: str) -> Float64[np.ndarray, "n d"]:
    """What the classifier sees of points: linear, quadratic, or radial (bumps on a grid)."""
    x, y = at[:, :1], at[:, 1:]
    straight = np.hstack([np.ones_like(x), x / FIELD, y / FIELD])
    if kind == "linear":
        return straight
    if kind == "quadratic":
        return np.hstack([straight, (x / FIELD) ** 2, x * y / FIELD**2, (y / FIELD) ** 2])
    if kind == "radial":
        line = np.linspace(-FIELD, FIELD, KNOTS)
        away = (x - np.tile(line, KNOTS)) ** 2 + (y - np.repeat(line, KNOTS)) ** 2
        return np.hstack([np.ones_like(x), np.exp(-away / (2 * WIDTH**2))])
    raise ValueError(f"features={kind!r}: expected linear, quadratic or radial")


@dataclass(frozen=True)
class Fitted:
    """A classifier at the optimum of its loss: summed cross-entropy plus half the penalty times squared weights."""

    seen: Float64[np.ndarray, "n d"]
    labels: Int64[np.ndarray, " n"]
    penalty: float
    weights: Float64[np.ndarray, "d k"]
    steps: int
    """Newton steps that it took."""

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return self.weights.shape[1]

    @cached_property
    def residuals(self) -> Float64[np.ndarray, "n k"]:
        """Derivative of each point's loss by its logits."""
        return softmax(self.seen @ self.weights) - np.eye(self.classes)[self.labels]

    @cached_property
    def hessian(self) -> Float64[np.ndarray, "dk dk"]:
        """Second derivative of the loss, penalty included; class by class within each feature."""
        return hessian(self.seen, softmax(self.seen @ self.weights), self.penalty)

    @property
    def gradient(self) -> Float64[np.ndarray, "d k"]:
        """Of the whole loss: zero at the optimum."""
        return self.seen.T @ self.residuals + self.penalty * self.weights

    def probabilities(self, seen: Float64[np.ndarray, "q d"]) -> Float64[np.ndarray, "q k"]:
        """How probable each class is, by point."""
        return softmax(seen @ self.weights)

    def margin(
        self, seen: Float64[np.ndarray, "q d"], labels: Int64[np.ndarray, " q"]
    ) -> Float64[np.ndarray, " q"]:
        """Logit of each label less the log-sum-exp of the others: positive where it is read as more likely than not."""
        return margins(seen @ self.weights, labels)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis."""
    raised = np.exp(logits - logits.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)


def margins(logits: Float64[np.ndarray, "... k"], labels: Int64[np.ndarray, " ..."]) -> np.ndarray:
    """Logit of the label less the log-sum-exp of the others."""
    mine = np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    others = logits.copy()
    np.put_along_axis(others, labels[..., None], -np.inf, -1)
    top = others.max(-1)
    return mine - top - np.log(np.exp(others - top[..., None]).sum(-1))


def hessian(
    seen: Float64[np.ndarray, "n d"], p: Float64[np.ndarray, "n k"], penalty: float
) -> Float64[np.ndarray, "dk dk"]:
    """Σ f fᵀ ⊗ (diag p − p pᵀ) plus the penalty."""
    d, k = seen.shape[1], p.shape[1]
    curved = p[:, :, None] * (np.eye(k) - p[:, None, :])
    pairs = (seen[:, :, None] * seen[:, None, :]).reshape(len(seen), d * d)
    blocks = (pairs.T @ curved.reshape(len(seen), k * k)).reshape(d, d, k, k)
    return blocks.transpose(0, 2, 1, 3).reshape(d * k, d * k) + penalty * np.eye(d * k)


def fit(
    seen: Float64[np.ndarray, "n d"],
    labels: Int64[np.ndarray, " n"],
    *,
    classes: int,
    penalty: float,
    start: Float64[np.ndarray, "d k"] | None = None,
) -> Fitted:
    """The optimum, by Newton's method with step halving. Raises ValueError without a penalty above zero."""
    if not penalty > 0:
        raise ValueError(f"penalty={penalty}: expected more than 0, or the optimum may lie at infinity")
    weights = np.zeros((seen.shape[1], classes)) if start is None else start
    now = Fitted(seen, labels, penalty, weights, 0)
    while np.abs(now.gradient).max() > CONVERGED and now.steps < MOST_STEPS:
        now = _stepped(now)
    return now


def _stepped(now: Fitted) -> Fitted:
    step = np.linalg.solve(now.hessian, now.gradient.ravel()).reshape(now.weights.shape)
    before, fall = _loss(now, now.weights), float((step * now.gradient).sum())
    share = 1.0
    while share > 1e-6 and _loss(now, now.weights - share * step) > before - 1e-4 * share * fall + 1e-12:
        share /= 2
    return Fitted(now.seen, now.labels, now.penalty, now.weights - share * step, now.steps + 1)


def _loss(of: Fitted, weights: Float64[np.ndarray, "d k"]) -> float:
    logits = of.seen @ weights
    top = logits.max(1)
    entropy = np.log(np.exp(logits - top[:, None]).sum(1)) + top - logits[np.arange(len(logits)), of.labels]
    return float(entropy.sum() + of.penalty / 2 * (weights**2).sum())


def influence(
    of: Fitted, seen: Float64[np.ndarray, "q d"], labels: Int64[np.ndarray, " q"], damping: float = 0.0
) -> Float64[np.ndarray, "q n"]:
    """How much each training point adds to each query's margin, to first order with the full Hessian.

    `damping` is added to the Hessian, as approximations of large networks have to; 0 is exact.
    """
    logits = seen @ of.weights
    among = logits.copy()
    np.put_along_axis(among, labels[:, None], -np.inf, 1)
    towards = np.eye(of.classes)[labels] - softmax(among)
    gradients = (seen[:, :, None] * towards[:, None, :]).reshape(len(seen), -1)
    curved = of.hessian + damping * np.eye(len(of.hessian))
    moved = np.linalg.solve(curved, gradients.T).T.reshape(len(seen), -1, of.classes)
    return -np.einsum("qdk,nd,nk->qn", moved, of.seen, of.residuals, optimize=True)


def without(of: Fitted, removed: Bool[np.ndarray, " n"]) -> Fitted:
    """The classifier trained anew without some points."""
    kept = ~removed
    return fit(of.seen[kept], of.labels[kept], classes=of.classes, penalty=of.penalty, start=of.weights)


def left_out(of: Fitted, steps: int = 25) -> Float64[np.ndarray, "n d k"]:
    """Weights of the classifiers trained without each one point: all trained at once, each to its optimum.

    Every step uses the Hessian that is left at the start, which needs one inversion for all (Woodbury); the few that
    this does not bring to their optimum are trained by themselves.
    """
    n, d = of.seen.shape
    k = of.classes
    inverse = np.linalg.inv(of.hessian)
    p = softmax(of.seen @ of.weights)
    curved = p[:, :, None] * (np.eye(k) - p[:, None, :])
    carried = np.einsum("nd,dkm->nkm", of.seen, inverse.reshape(d, k, d * k), optimize=True)
    inner = np.einsum("nkdl,nd->nkl", carried.reshape(n, k, d, k), of.seen, optimize=True)
    back = np.linalg.solve(np.eye(k) - curved @ inner, curved)  # (I − C B)⁻¹ C
    weights = np.broadcast_to(of.weights, (n, d, k)).copy()
    for _ in range(steps):
        gradient = _gradients(of, weights)
        if np.abs(gradient).max() < CLOSE:
            return weights
        straight = gradient.reshape(n, d * k) @ inverse
        seen = np.einsum("ndk,nd->nk", straight.reshape(n, d, k), of.seen, optimize=True)
        bent = np.einsum("nkl,nl,nkm->nm", back, seen, carried, optimize=True)
        weights = weights - (straight + bent).reshape(n, d, k)
    return _finished(of, weights)


def _gradients(of: Fitted, weights: Float64[np.ndarray, "n d k"]) -> Float64[np.ndarray, "n d k"]:
    """Gradient of each classifier's loss, its own point left out."""
    n = len(of.seen)
    logits = np.einsum("id,ndk->nik", of.seen, weights, optimize=True)
    off = softmax(logits) - np.eye(of.classes)[of.labels]
    off[np.arange(n), np.arange(n)] = 0
    return np.einsum("nik,id->ndk", off, of.seen, optimize=True) + of.penalty * weights


def _finished(of: Fitted, weights: Float64[np.ndarray, "n d k"]) -> Float64[np.ndarray, "n d k"]:
    off = np.abs(_gradients(of, weights)).max((1, 2))
    for i in np.flatnonzero(~(off < CLOSE)):
        weights[i] = without(of, np.arange(len(off)) == i).weights
    return weights


def true_effect(
    of: Fitted,
    seen: Float64[np.ndarray, "q d"],
    labels: Int64[np.ndarray, " q"],
    retrained: Float64[np.ndarray, "n d k"],
) -> Float64[np.ndarray, "q n"]:
    """How much each query's margin really falls when a point is left out: what `influence` estimates."""
    logits = np.einsum("qd,ndk->qnk", seen, retrained, optimize=True)
    now = of.margin(seen, labels)
    return now[:, None] - margins(logits, np.broadcast_to(labels[:, None], logits.shape[:2]))
