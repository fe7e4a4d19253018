"""Results whose training images are numbered anew, for blind cases.

Which rows an attack altered follows from its seed, so a row of the data is a hint. In a blind case place i stands for
row order[i] everywhere; ties in any order are then broken by the places too. Nothing large is copied: pixels and
scores are looked up when they are asked for.
"""

import copy
import hashlib
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from jaxtyping import Int64

from core.artifacts import Dataset, Detection, Features, InfluenceScores, Poisoning
from core.store import Artifact

if TYPE_CHECKING:
    from core.pipeline import Plan

T = TypeVar("T")
Order = Int64[np.ndarray, " n"]


def order_of(secret: str, n: int) -> Order:
    """Row of the data behind each of n places: the same for ever, and not to be guessed without the secret."""
    drawn = np.frombuffer(hashlib.shake_256(secret.encode()).digest(8 * n), "<u8")
    return np.argsort(drawn, kind="stable").astype(np.int64)


def places_of(order: Order) -> Order:
    """Place of each row of the data."""
    places = np.empty_like(order)
    places[order] = np.arange(len(order))
    return places


class Reordered:
    """An array with one axis in another order, looked up when indexed; `np.asarray` copies it whole."""

    def __init__(self, base: np.ndarray, order: Order, axis: int = 0) -> None:
        self.base, self.order, self.axis = base, order, axis
        self.shape, self.dtype, self.ndim, self.size = base.shape, base.dtype, base.ndim, base.size

    def __len__(self) -> int:
        return len(self.base)

    def __getitem__(self, key: Any) -> Any:
        keys = key if isinstance(key, tuple) else (key,)
        if any(k is None or k is Ellipsis for k in keys):
            return np.asarray(self)[key]
        if len(keys) <= self.axis:
            return self.base[key][..., self.order]
        before, mine, after = keys[: self.axis], keys[self.axis], keys[self.axis + 1 :]
        return self.base[(*before, self.order[mine], *after)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.take(self.base, self.order, axis=self.axis).astype(dtype or self.dtype, copy=False)


@dataclass(frozen=True)
class Renumbered(Artifact[T]):
    """A result of a blind case. Its key tells nothing of the settings, the store knows it by its own one."""

    original: Artifact[T]
    order: Order

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits that only this blind case has."""
        return hashlib.sha256(self.order.tobytes() + self.original.key.encode()).hexdigest()[:32]

    @property
    def stored_as(self) -> str:
        """The name that the store knows it by."""
        return self.original.stored_as

    @property
    def value(self) -> T:
        """The result by place; made anew when the store has read it again."""
        original, held = self.original.value, vars(self).get("by_place")
        if held is None or held[0] is not original:
            held = vars(self)["by_place"] = original, value_of(original, self.order)
        return held[1]


def value_of(value: T, order: Order) -> T:
    """A result with its training images by place; itself where it is not about training images."""
    match value:
        case Dataset():
            return replace(value, train=_split(value.train, order))
        case InfluenceScores():
            return _with(value, values=Reordered(value.values, order, axis=1))
        case Features():
            return _with(value, values=Reordered(value.values, order))
        case Detection():
            return _with(value, suspicion=value.suspicion[order], flagged=value.flagged[order])
        case Poisoning():
            return replace(value, indices=places_of(order)[value.indices])
    return value


def _split(value: Any, order: Order) -> Any:
    return _with(value, images=Reordered(value.images, order), labels=np.asarray(value.labels)[order])


def _with(value: Any, **changes: Any) -> Any:
    """A copy with other fields, which need not be the arrays that the class declares, only behave like them."""
    made = copy.copy(value)
    vars(made).update(changes)
    return made


def plan_of(p: "Plan", order: Order) -> "Plan":
    """The plan with every result by place."""
    made: dict[str, Renumbered[Any]] = {}

    def wrapped(item: Any) -> Any:
        if isinstance(item, dict):
            return {name: wrapped(one) for name, one in item.items()}
        return made.setdefault(
            item.key, Renumbered(item.stage, item.arguments, item.store, original=item, order=order)
        )

    return replace(p, **{f.name: wrapped(getattr(p, f.name)) for f in fields(p) if f.name != "experiment"})


def plain(artifact: Artifact[T]) -> Artifact[T]:
    """The result as the store has it."""
    return artifact.original if isinstance(artifact, Renumbered) else artifact


def like(found: Detection, artifact: Artifact[Any]) -> Detection:
    """A verdict on the rows of the data, numbered as this result is."""
    return value_of(found, artifact.order) if isinstance(artifact, Renumbered) else found
