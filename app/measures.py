"""How influence is measured, as it stands in an address: `d=0.0001,c=kfac,l=0.0+8`; empty for the case's own way."""

from dataclasses import replace

from pydantic import ValidationError

from app import results
from core.blind import renumbered
from core.cases import Case
from core.experiment import ScoreSettings
from core.experiment_text import complaint
from core.pipeline import plan
from core.safeload import plain

NAMES = {"d": "damping", "c": "strategy", "l": "layers"}


def text_of(settings: ScoreSettings, own: ScoreSettings) -> str:
    """What differs from the case's own way."""
    told = {
        "d": "heuristic" if settings.damping == "heuristic" else f"{settings.damping:.3g}",
        "c": settings.strategy,
        "l": "+".join(settings.layers),
    }
    kept = [key for key, name in NAMES.items() if getattr(settings, name) != getattr(own, name)]
    return ",".join(f"{key}={told[key]}" for key in kept)


def parsed(text: str, own: ScoreSettings) -> ScoreSettings:
    """The settings that a text stands for. Raises ValueError for one that makes no sense."""
    told = dict(part.partition("=")[::2] for part in text.split(",")) if text else {}
    if set(told) - set(NAMES):
        raise ValueError(f"measure={plain(text)[:40]}: expected parts named {list(NAMES)}")
    changes = {NAMES[key]: value.split("+") if key == "l" and value else value for key, value in told.items()}
    if changes.get("damping", "heuristic") != "heuristic":
        changes["damping"] = float(changes["damping"])
    changes["layers"] = tuple(x for x in changes.get("layers", own.layers) if x)
    try:
        return ScoreSettings.model_validate(own.model_dump() | changes)
    except ValidationError as error:
        raise ValueError(f"measure={plain(text)[:40]}: {complaint(error.errors()[0])}") from error


def layers_of(case: Case) -> list[str]:
    """Names of the layers whose gradients carry influence: those with a matrix of weights."""
    weights = case.plan.victim.value.weights
    return [
        name.removesuffix(".weight") for name, w in weights.items() if name.endswith(".weight") and w.ndim > 1
    ]


def measured(of: Case, text: str) -> Case:
    """The same case with influence measured in another way. Raises ValueError for a way that it does not have."""
    own = of.run.experiment.scores
    settings = parsed(text, own)
    if unknown := set(settings.layers) - set(layers_of(of)):
        raise ValueError(f"the network has no layer {sorted(unknown)[0]}")
    if settings == own:
        return of

    def make() -> Case:
        x = of.run.experiment.changed(scores=settings.model_dump(mode="json"))
        p = plan(x, results.store())
        before = renumbered.plain(of.plan.before)
        return of.about(replace(of.run, experiment=x), replace(p, before=before))

    return results.kept_case(f"{of.id}/{text_of(settings, own)}{results.SEALED * of.sealed}", make)
