"""An experiment in full: which data, attack, model, training, influence, detectors and unlearners.

Everything that changes a result is a field here, so that two experiments with equal fields have equal
results. Presets are TOML files in assets/experiments.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tomli_w
from pydantic import BeforeValidator, Field, SerializeAsAny, ValidationError, field_validator, model_validator

from core.device import Precision
from core.experiment_text import in_words as in_words
from core.experiment_text import tree_of
from core.picks import Pick
from core.presets import assign, find_experiment
from core.recipe import AnyTraining, Brought, Training
from core.registry import Settings, member_of, members

if TYPE_CHECKING:
    from core.attacks.base import Attack as AnyAttack
    from core.datasets import DatasetPlugin as AnyDataset
    from core.detectors.base import Detector as AnyDetector
    from core.models.base import Model as AnyModel
    from core.unlearners.base import Unlearner as AnyUnlearner
else:
    AnyDataset, AnyAttack, AnyModel = member_of("datasets"), member_of("attacks"), member_of("models")
    AnyDetector, AnyUnlearner = member_of("detectors"), member_of("unlearners")


class FactorSettings(Settings):
    """How the curvature factors are fitted."""

    strategy: Literal["ekfac", "kfac", "identity"] = Field(default="ekfac", description="Curvature.")
    precision: Precision = Field(
        default="fp32",
        description="bf16: a quarter faster where the hardware multiplies it; rounding may move flags.",
    )
    max_examples: int = Field(default=100_000, ge=1, description="Training images to fit on, at most.")
    seed: int = Field(default=0, ge=0, description="Labels drawn from the model's softmax (true Fisher).")


class QuerySettings(Settings):
    """Which misbehaving test images are investigated."""

    count: int = Field(
        default=4, ge=1, le=256, title="Test images", description="Misbehaving test images to score."
    )
    order: Literal["confident", "first"] = Field(
        default="confident",
        title="Which ones",
        description="confident: those that the victim misreads most surely, which a defender sees too. "
        "first: in test order, as the published code takes them.",
    )


def _which_images(value: Any) -> Any:
    """A table with a `source` names one picked image."""
    if isinstance(value, QuerySettings | Pick):
        return value
    return (Pick if isinstance(value, dict) and "source" in value else QuerySettings).model_validate(value)


AnyQueries = Annotated[SerializeAsAny[QuerySettings | Pick], BeforeValidator(_which_images)]


class ControlSettings(Settings):
    """Clean test images to compare the picked ones with; the defender needs test images with labels for it."""

    count: int = Field(
        default=24,
        ge=0,
        le=256,
        title="Control images",
        description="Clean test images that the victim reads rightly, for each label that picked ones are read as.",
    )
    seed: int = Field(default=0, ge=0, description="Which of the clean test images.")


class TransformSettings(Settings):
    """How each picked test image is transformed and relabelled (method of Delta-Influence)."""

    n_transforms: int = Field(
        default=50,
        ge=1,
        le=500,
        title="Transformed copies",
        description="Transformed copies per picked image.",
    )
    names: tuple[str, ...] = Field(
        default=("flip", "color_jitter", "random_affine", "elastic", "blurrer", "inverter", "color_switch"),
        min_length=1,
        title="Kinds of transformation",
        description="Kinds to draw from, each copy uses one.",
    )
    mode: Literal["both", "image", "label"] = Field(
        default="both", description="both: new image and new label. image, label: only that (ablations)."
    )
    space: Literal["pixel", "reference"] = Field(
        default="pixel", description="reference: transform after standardisation, as the published code does."
    )
    seed: int = Field(default=0, ge=0, description="Draws of kinds, parameters and labels.")

    @field_validator("names")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in names if name not in members("transforms")]:
            raise ValueError(f"{unknown[0][:40]!r}: expected kinds among {list(members('transforms'))}")
        return names


class ScoreSettings(Settings):
    """How influence is measured. All of it is free to choose anew once gradients are kept."""

    damping: Annotated[float, Field(gt=0)] | Literal["heuristic"] = Field(
        default=1e-8, description="Added to each eigenvalue. heuristic: 0.1 × their mean, per layer."
    )
    strategy: Literal["fitted", "ekfac", "kfac", "identity"] = Field(
        default="fitted",
        title="Curvature",
        description="fitted: as the factors were. Factors of ekfac serve kfac too; identity needs none.",
    )
    layers: tuple[str, ...] = Field(
        default=(), title="Layers that count", description="Names of layers; none means all of them."
    )
    precision: Precision = Field(
        default="fp32", description="bf16 is faster on hardware with bf16 matrix units."
    )


class FrequencySettings(Settings):
    """How the frequency detector's own classifier is trained. Defaults: Delta-Influence's recipe (public notebooks).

    Method of Zeng et al. 2021, arXiv 2104.03413, who take 5 rounds and batches of 128.
    """

    rounds: int = Field(
        default=1, ge=1, le=20, description="Times that the synthetic attacks are drawn anew."
    )
    epochs: int = Field(default=10, ge=1, le=200, description="Passes over the images in each round.")
    max_images: int = Field(default=10_000, ge=2, description="Clean test images to train on, at most.")
    width: int = Field(
        default=32,
        ge=1,
        le=256,
        description="Channels of the first layer; the others scale along. 16 is about three times as fast.",
    )
    learning_rate: float = Field(
        default=0.05, gt=0, le=10, description="Learning rate of Adadelta; few epochs want 0.2 or more."
    )
    batch_size: int = Field(
        default=256, ge=2, le=8192, description="Images per step, every other one synthetically attacked."
    )
    seed: int = Field(default=0, ge=0, description="Synthetic attacks, initial weights and batch order.")


class Experiment(Settings):
    """All settings of one investigation."""

    title: str = Field(default="Untitled investigation", max_length=120)
    description: str = Field(default="", max_length=2000)
    dataset: AnyDataset
    attack: AnyAttack
    model: AnyModel
    training: AnyTraining = Training()
    factors: FactorSettings = FactorSettings()
    queries: AnyQueries = QuerySettings()
    transforms: TransformSettings = TransformSettings()
    controls: ControlSettings = ControlSettings()
    scores: ScoreSettings = ScoreSettings()
    frequency: FrequencySettings = FrequencySettings()
    detectors: tuple[AnyDetector, ...] = Field(min_length=1)
    unlearners: tuple[AnyUnlearner, ...] = ()
    unlearn_after: tuple[str, ...] = Field(
        default=("delta_influence",), description="Detectors whose flagged set the unlearners forget."
    )

    @model_validator(mode="after")
    def _names_exist(self) -> "Experiment":
        known = [d.name for d in self.detectors]
        for family, names in (("detectors", known), ("unlearners", [u.name for u in self.unlearners])):
            if len(set(names)) < len(names):
                raise ValueError(f"{family}={names}: each may be listed once")
        if missing := [name for name in self.unlearn_after if name not in known]:
            raise ValueError(f"unlearn_after={missing}: not among the detectors {known}")
        return self

    @model_validator(mode="after")
    def _nobody_knows_the_poisons(self) -> "Experiment":
        picked = isinstance(self.queries, Pick) and self.queries.source != "triggered"
        if not self.attack.known and not picked:
            raise ValueError(
                f"attack={self.attack.name}: nobody knows which test images it is after; name the misbehaving one "
                'in [queries], with source = "test" and a row, or source = "upload" and a file'
            )
        if self.attack.known and isinstance(self.training, Brought):
            raise ValueError(
                f"attack={self.attack.name}: the weights were trained before it, so it cannot be what they learned; "
                'use attack = "unknown"'
            )
        return self

    @model_validator(mode="after")
    def _enough_queries(self) -> "Experiment":
        for d in self.detectors:
            if (wanted := getattr(d, "n_queries", 1)) > self.queries.count:
                raise ValueError(
                    f"{d.name}.n_queries={wanted}: queries.count={self.queries.count} test images are scored; "
                    f"raise queries.count to {wanted} or lower n_queries"
                )
        return self

    @property
    def recipe(self) -> Training:
        """How the victim is trained, or would be trained anew where its weights were brought."""
        return self.training.recipe if isinstance(self.training, Brought) else self.training

    @classmethod
    def from_toml(cls, path: str | Path, changes: list[str] | None = None) -> "Experiment":
        """Read a TOML file, or a preset by its name; `changes` are "key.path=value" overrides."""
        file = find_experiment(path)
        tree = tree_of(file)
        for change in changes or []:
            assign(tree, change)
        return cls.checked(tree)

    @classmethod
    def checked(cls, tree: dict[str, Any]) -> "Experiment":
        """Validate, turning pydantic's report into one line per wrong field."""
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            raise ValueError(in_words(error)) from error

    def to_toml(self) -> str:
        """The experiment as a TOML file that reads back equal."""
        return tomli_w.dumps(self.model_dump(mode="json"))

    def changed(self, **fields: Any) -> "Experiment":
        """A validated copy with some fields replaced."""
        return Experiment.checked(self.model_dump(mode="json") | fields)
