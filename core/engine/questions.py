"""What can be asked of an engine: that results exist. Both sides name them by the same plan, so by the same keys."""

from dataclasses import dataclass
from typing import Any

from core import stages
from core.artifacts import LayerScores, Queries
from core.experiment import Experiment, QuerySettings
from core.pipeline import Plan, plan
from core.store import Artifact, Store

MOST_MISREAD = 256


@dataclass(frozen=True)
class Question:
    """`kind` is `scores` (those of a plan, label by label), `misread` or `layers`; `key` names the result."""

    kind: str
    experiment: dict[str, Any]
    key: str
    which: tuple[int, int] = (0, 0)
    """For `layers`: the picked image and the training image, by number."""


def about_scores(p: Plan) -> Question:
    """Make the queries, copies and scores of this plan exist, for example of a picked image."""
    return Question("scores", p.experiment.model_dump(mode="json"), p.scores.stored_as)


def about_misread(p: Plan) -> Question:
    """Make the list of misread test images exist, and open the case for what comes next."""
    return Question("misread", p.experiment.model_dump(mode="json"), misread(p).key)


def about_layers(p: Plan, query: int, row: int) -> Question:
    """Make it known what each layer adds for a picked image and a training image."""
    which = (query, row)
    return Question("layers", p.experiment.model_dump(mode="json"), layers(p, which).key, which)


def layers(p: Plan, which: tuple[int, int]) -> Artifact[LayerScores]:
    """What each layer adds to the influence of one training image."""
    x, evidence = p.experiment, (p.victim, p.poisoned, p.factors, p.queries, p.changed)
    return p.queries.store.step(stages.score_layers, x.scores, which, x.model, *evidence)


def misread(p: Plan) -> Artifact[Queries]:
    """Misbehaving test images to pick from, at most 256: those that the victim misreads most surely."""
    x = p.experiment
    settings = QuerySettings(count=MOST_MISREAD)
    return p.queries.store.step(stages.affected_queries, settings, x.model, p.victim, p.dataset, p.poisoning)


def planned(question: Question, store: Store) -> tuple[Plan, Artifact[Any]]:
    """The plan that a question is about, and the result asked for; raises OtherCode where the keys differ."""
    p = plan(Experiment.checked(question.experiment), store)
    match question.kind:
        case "misread":
            wanted: Artifact[Any] = misread(p)
        case "layers":
            wanted = layers(p, question.which)
        case _:
            wanted = p.scores
    if wanted.key != question.key:
        raise OtherCode(f"asked for {question.key}, this code would make {wanted.key}")
    return p, wanted


class OtherCode(Exception):
    """Page and engine run different versions of the code: the engine has to be started anew."""
