"""The pieces of work that are measured, each in a process of its own, in the order that they take turns."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from core import device
from core.device import Precision

Engine = Literal["plain", "published", "best", "best_bf16", "ours", "ours_bf16"]
Group = Literal["yardstick", "factors", "scores", "same_factors", "session", "eigenvalues"]
ENGINES: dict[str, str] = {
    "published": "kronfluence, as published",
    "best": "kronfluence, best arguments",
    "best_bf16": "kronfluence, best, bf16",
    "ours": "ours",
    "ours_bf16": "ours, bf16 factors",
}
"""The engines that are compared, by what tables call them. `ours` has the product's default settings."""


@dataclass(frozen=True)
class Job:
    """One piece: which engine does what; `seed` draws the labels that factors are fitted to."""

    engine: Engine
    group: Group
    seed: int
    exact: bool = False
    """No TF32 on a GPU."""
    passes: int = 0
    """Queries that the published way is measured with, one pass for each."""
    precision: Precision = "fp32"
    """What the engine multiplies in; the scores of ours are always made in fp32."""

    @property
    def id(self) -> str:
        """Name of its folder."""
        return f"{self.engine}-{self.group}-{self.seed}"

    @property
    def factors(self) -> str:
        """Which job's factors it reads: its own where it is about all of an engine, else kronfluence's."""
        own = self.group == "scores" and self.engine != "published"
        return Job(self.engine if own else "best", "factors", self.seed).id

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def jobs(repeats: int, published: int, passes: int, bf16: bool) -> list[Job]:
    """Everything to do, engines taking turns; the published way as often as told, `passes` queries each.

    A repeat has a seed of its own. Ours scores again with kronfluence's factors, to be compared with its scores; on a
    GPU both do it once more without TF32. Without `bf16`, or hardware for it, those engines are left out.
    """
    on_gpu, low = device.current().type == "cuda", bf16 and device.native("bf16") == "bf16"
    engines: list[Engine] = ["best", "best_bf16", "ours", "ours_bf16"] if low else ["best", "ours"]
    in_bf16, every = ("best_bf16", "ours_bf16") if low else (), list[Job]()

    def each(group: Group) -> list[Job]:
        return [Job(e, group, seed, precision="bf16" if e in in_bf16 else "fp32") for e in engines]

    for seed in range(repeats):
        as_published = seed < published
        every += [Job("plain", "yardstick", seed)]
        every += [Job("published", "factors", seed, exact=True)] * as_published
        every += each("factors")
        every += [Job("published", "scores", seed, exact=True, passes=passes)] * as_published
        every += each("scores")
        every += [Job("best", "same_factors", seed, exact=True)] * on_gpu
        every += [Job("ours", "same_factors", seed, exact=True), Job("ours", "session", seed)]
    return [*every, Job("ours", "eigenvalues", 0, exact=True)]
