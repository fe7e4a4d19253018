"""What figures, settings and rows are called, as the papers call them, and figures in words.

Handed to the Studies page and the README, so that both say the same.
"""

from core import paper
from core.findings import Difference, Estimate
from core.studies.base import DETECTORS, ORIGINALS, UNLEARNERS

FIGURES = {
    "precision": ("precision", "share of the flagged images that are poisons"),
    "precision_in_target_label": (
        "precision in the target label",
        "the same among images that carry the attacked label: harder to look good in",
    ),
    "true_positive_rate": ("true positive rate", "share of the poisons that are flagged"),
    "average_precision": (
        "average precision",
        "quality of the whole order of suspicion, whatever the threshold",
    ),
    "average_precision_in_target_label": (
        "average precision in the target label",
        "the same among images that carry the attacked label",
    ),
    "surely_flagged": (
        "sure flags",
        "share of the flags that at least 95 % of the resamples of picked images and controls repeat",
    ),
    "precision_of_sure_flags": ("precision of sure flags", "share of the sure flags that are poisons"),
    "repeated": (
        "flags repeated",
        "share of all images flagged with these or with other draws that both flag: of transformed copies for the "
        "rules with a fixed threshold, of controls for the contrast",
    ),
    "flagged": ("images flagged", "training images that the detector flags"),
    "poison_success_rate": (
        "poison success",
        "share of triggered test images read as the attacker wants; below 5 % counts as removed",
    ),
    "test_accuracy": ("test accuracy", "share of clean test images read right"),
    "clean_label_accuracy": (
        "clean-label accuracy",
        "share of triggered test images read as what they are",
    ),
    "manipulated_accuracy": (
        "manipulated images read right",
        "share of the manipulated training images read as what they are",
    ),
    "utility": ("utility", "accuracy on the clean test images that the attack is not about"),
    "forgotten": ("images forgotten", "training images given to the unlearner"),
    "seconds": ("seconds", "wall-clock training time, evaluation excluded"),
    "train_loss": ("training loss", "mean loss on the training set in nats, at the end"),
}
"""What each figure is called, and what it means."""
COUNTS = ("flagged", "forgotten", "seconds", "train_loss")
"""Figures that are no shares."""
WIDE = 0.02
"""A spread of a share from which its tenths of a per cent say nothing."""
DATASETS = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "imagenette": "Imagenette",
    "digits": "Handwritten digits",
}
ATTACKS = {
    "badnet": "BadNet",
    "smooth": "smooth trigger",
    "witches_brew": "Witches' Brew",
    "interclass_confusion": "interclass confusion",
    "badnet_any_class": "BadNet, any class",
}
ROWS = (
    DETECTORS
    | ORIGINALS
    | UNLEARNERS
    | {
        "victim": "victim",
        "clean": "same recipe, clean images",
        "label": "label only",
        "image": "image only",
        "both": "both",
        "detected": "without the flags",
        "complement": "without the missed poisons",
        "none": "None (the victim)",
        "nothing": "nothing removed, fresh weights",
        "rate": "contrast with controls (ours), 4 test images",
        "influence_mean": "EK-FAC",
        "influence_boosted": "EK-FAC, boosted",
        "delta_influence_several": "Delta-Influence",
        "copies": "fewer copies",
    }
)
"""Rows, by the names that the published tables use."""


def figure_title(figure: str) -> str:
    """What a figure is called."""
    return FIGURES[figure][0] if figure in FIGURES else figure.replace("_", " ")


def heading(figure: str) -> str:
    """A figure at the head of a column; one in the target label follows the one that it belongs to."""
    inside = figure.endswith("_in_target_label")
    return "… in the target label" if inside else figure_title(figure)


def dataset_of(setting: str) -> str:
    """The dataset's part of a setting's name."""
    return setting.partition("-")[0]


def dataset_title(setting: str) -> str:
    """What the images of a setting are called."""
    return DATASETS.get(dataset_of(setting), dataset_of(setting))


def attack_title(setting: str) -> str:
    """What the attack of a setting is called."""
    attack = paper.attack_of(setting)
    return ATTACKS.get(attack, attack.replace("_", " "))


def setting_title(setting: str) -> str:
    """Images and attack."""
    return f"{dataset_title(setting)} · {attack_title(setting)}"


def row_title(row: str) -> str:
    """What a row is called; of a step of a sweep, as in `method/5`, the part before the step."""
    name = row.partition("/")[0]
    return (
        f"threshold {name.replace('-', '−')}" if _is_number(name) else ROWS.get(name, name.replace("_", " "))
    )


def step_title(study: str, row: str) -> str:
    """What a step of a sweep is called: `5 test images`, `10 % known`, `tolerance 2`; nothing without one."""
    name, _, step = row.partition("/")
    if not step:
        return ""
    if study == "deletion":
        return f"{step} % known"
    if name == "rate":
        return f"rate {100 * float(step):g} %"
    unit = "copies" if name == "copies" else "test image" if step == "1" else "test images"
    return f"tolerance {step}" if _is_number(name) else f"{step} {unit}"


def full_title(study: str, row: str) -> str:
    """A row with its step."""
    return ", ".join(part for part in (row_title(row), step_title(study, row)) if part)


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


def in_figures(figure: str, value: float | None) -> str:
    """A value with its unit: per cent for shares; a dash where it is unknown."""
    if value is None:
        return "–"
    if figure not in COUNTS:
        return f"{100 * value:.0f} %" if value in (0, 1) else f"{100 * value:.1f} %"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"


def spread(figure: str, found: Estimate) -> tuple[float, float] | None:
    """How sure the mean is: its 95 % interval from three seeds on, of two seeds their range, of one nothing.

    The interval of a share is cut at 0 and 1, beyond which no share can be.
    """
    if found.n < 3 or found.low is None or found.high is None:
        return (min(found.values), max(found.values)) if found.n == 2 else None
    low = max(0.0, found.low)
    return (low, found.high) if figure in COUNTS else (low, min(1.0, found.high))


def spread_in_figures(figure: str, found: Estimate) -> str:
    """The spread in brackets, to whole per cents where it is wide: `(54–74)`; nothing for one seed."""
    between = spread(figure, found)
    if between is None:
        return ""
    if figure not in COUNTS and between[1] - between[0] >= WIDE:
        return f"({100 * between[0]:.0f}–{100 * between[1]:.0f})"
    low, high = (in_figures(figure, value).removesuffix(" %") for value in between)
    return f"({low}–{high})"


def difference(study: str, found: Difference) -> str:
    """A difference in a sentence."""
    ours, published = (in_figures(found.figure, value) for value in (found.ours.mean, found.published))
    side = "above" if found.ours.mean > found.published else "below"
    return (
        f"{setting_title(found.setting)}, {full_title(study, found.row)}: {figure_title(found.figure)} {ours} "
        f"(n {found.ours.n}) is {side} the published {published}"
    )
