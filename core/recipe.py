"""Where the victim comes from: a recipe that trains it here, or weights that somebody brings."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator

from core import weights
from core.datasets import located
from core.device import Precision
from core.registry import Settings
from core.safeload import PathText


class Training(Settings):
    """How the victim is trained. Defaults: Delta-Influence's recipe (arXiv 2411.13731, public notebooks)."""

    epochs: int = Field(default=40, ge=1, le=1000, description="Passes over the training set.")
    learning_rate: float = Field(default=0.1, gt=0, le=10, description="Peak learning rate of SGD.")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Momentum of SGD.")
    nesterov: bool = Field(default=True, description="Nesterov's form of the momentum.")
    weight_decay: float = Field(default=5e-4, ge=0, le=1, description="L2 penalty on the weights.")
    batch_size: int = Field(default=128, ge=2, le=8192, description="Images per step.")
    schedule: Literal["step", "warmup_linear", "one_cycle"] = Field(
        default="step",
        description="step: ×0.1 at 3/8, 5/8 and 7/8 of the epochs (Delta-Influence). warmup_linear: Goel et al. "
        "one_cycle: up for 20 % of the steps, then down to zero; best for few epochs.",
    )
    shift: float = Field(
        default=0.125, ge=0, le=0.5, description="Augmentation: random shift, share of the width."
    )
    flip: bool = Field(
        default=True, description="Augmentation: random horizontal flip. Switch off for digits."
    )
    precision: Precision = Field(default="fp32", description="bf16: bfloat16 matrix products.")
    seed: int = Field(default=0, ge=0, description="Initial weights, batch order and augmentation.")

    @property
    def made_from(self) -> "Training":
        """What the victim is made from: the recipe."""
        return self

    def of_the_attacker(self) -> "Training":
        """The same recipe with other random numbers: an attacker knows the recipe, not the victim's draws."""
        return self.model_copy(update={"seed": self.seed + 1_000_003})


class Brought(Settings):
    """Weights that were trained elsewhere, and how; the recipe is used where an unlearner trains anew."""

    digest: str = Field(
        default="", pattern="^([0-9a-f]{32})?$", description="Name of kept weights; filled in from the file."
    )
    file: PathText = Field(
        default="",
        max_length=4096,
        exclude_if=lambda file: not file,
        description="Safetensors file; a relative path starts at the data folder.",
    )
    recipe: Training = Field(default=Training(), description="How the weights were trained, as far as known.")

    @model_validator(mode="after")
    def _names_weights(self) -> "Brought":
        if bool(self.digest) == bool(self.file):
            raise ValueError(
                f"digest={self.digest!r}, file={self.file!r}: expected either a file of weights or the digest of kept ones"
            )
        return self

    @property
    def made_from(self) -> str:
        """What the victim is made from: the weights of this name, however they were trained."""
        return self.digest

    def resolved(self) -> "Brought":
        """The same weights by their digest alone, kept among the results. Raises WeightsRefused."""
        if not self.file:
            return self
        return Brought(digest=weights.keep_weights(located(self.file)), recipe=self.recipe)


def _where_from(value: Any) -> Any:
    """A table with a digest or a file names weights; any other is a recipe."""
    if isinstance(value, Training | Brought):
        return value
    brought = isinstance(value, dict) and ("digest" in value or "file" in value)
    return (Brought if brought else Training).model_validate(value)


AnyTraining = Annotated[SerializeAsAny[Training | Brought], BeforeValidator(_where_from)]
