"""What the user is looking at: one frozen record, all of it in the address bar.

The address is the truth: it is read at the start of every run, and every gesture writes it. A link therefore
restores what its sender saw, and Back undoes a step.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import streamlit as st

from app import address_bar, moved
from app.address_rules import CHOICES as CHOICES
from app.address_rules import LARGEST as LARGEST
from app.address_rules import MOST_CHOSEN as MOST_CHOSEN
from app.address_rules import PARAMETERS as PARAMETERS
from app.address_rules import converted
from app.words import escaped
from core import paths
from core.blind import challenges
from core.cases import Case
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.relative_collapse import RelativeCollapse

VERSION = "1"
RULE = DeltaInfluence()


@dataclass(frozen=True)
class View:
    """A place in an investigation."""

    case: str = ""
    pick: str = ""
    """Another image than the case's own, as `core.picks` writes it; empty for the case's own."""
    measure: str = ""
    """How influence is measured, as `app.measures` writes it; empty for the case's own way."""
    query: int = RULE.query
    rule: str = "contrast"
    """Who flags: the contrast with controls, the paper's Delta-Influence, or the relative collapse."""
    margin: float = 0.0
    """Of the contrast, above its calibrated cut-off."""
    using: str = "all"
    """Whether the contrast takes all picked images of the case together, or this one alone."""
    threshold: float = RULE.threshold
    tolerance: int = RULE.tolerance
    cut: float = RelativeCollapse().threshold
    """Of the relative collapse."""
    truth: str = "show"
    show: str = "flagged"
    sort: str = "suspect"
    """Order of the training images."""
    tab: str = "images"
    page: int = 1
    image: int = -1
    """Training image in the inspector, or −1: the primary selection."""
    pinned: int = -1
    """Training image to compare it with, or −1."""
    chosen: str = ""
    """More training images that are selected together, as `3.17.20`."""
    label: int = -1
    """Only training images with this label, or −1 for all."""
    without: str = ""
    """Kinds of transformation whose copies the paper's rule leaves out, as `blurrer.flip`."""
    poison: int = 0
    """Which poison the attack's page shows, counted from 0."""
    trigger: int = 0
    """Which attacked test image it shows."""
    look: str = "stored"
    factor: str = "auto"
    scale: str = "linear"
    """How differences of pixels are drawn."""
    flags: str = ""
    """Detector whose flags are to be unlearned; empty for the threshold and tolerance of this view."""
    after: str = ""
    """Outcome of unlearning that is compared with the victim, or the best."""
    queue: str = "uncertain"
    """Order of the review."""
    lesson: int = 1
    """Step of the guided case."""
    seed: int = 0
    """Random points of the sandbox."""
    points: str = ""
    """What was done to them, as `core.learn.sandbox_scene` writes it."""


LOCKED = "Locked by your teacher."
LISTS = {"show", "sort", "label"}
"""What makes another list of training images, which begins at its first page."""
PAPERS = {"threshold", "tolerance"}
"""What only the paper's rule looks at."""


def parse(parameters: dict[str, str]) -> tuple[View, list[str]]:
    """The view of an address, and a remark for every part of it that made no sense."""
    remarks: list[str] = []
    if parameters.get("v", VERSION) != VERSION:
        remarks.append("This link was made by another version; the case opens with its defaults.")
        return View(case=parameters.get("case", "")[:64]), remarks
    values: dict[str, Any] = {}
    for field in fields(View):
        text = parameters.get(PARAMETERS.get(field.name, field.name))
        if text is None:
            continue
        try:
            values[field.name] = converted(field.name, text, type(field.default))
        except ValueError:
            said = escaped(repr(text[:40]))
            remarks.append(f"The link says {field.name} = {said}, which is not usable; the default is shown.")
    if "rule" not in values and values.keys() & PAPERS:
        values["rule"] = "delta"  # a link from before there was a choice
    return View(**values), remarks


def fitted(view: View, *, queries: int, copies: int, images: int) -> View:
    """The view with numbers that a case of this size has; a link may carry any."""
    return replace(
        view,
        query=view.query if 0 <= view.query < queries and not view.pick else 0,
        tolerance=min(max(view.tolerance, 0), copies - 1),
        cut=min(max(view.cut, -1.0), 1.0),
        image=view.image if 0 <= view.image < images else -1,
        pinned=view.pinned if 0 <= view.pinned < images else -1,
        chosen=".".join(i for i in view.chosen.split(".") if i and int(i) < images),
    )


def parameters_of(view: View) -> dict[str, str]:
    """The address of a view; defaults are left out so that links stay short."""
    default = asdict(View())
    told = {k: v for k, v in asdict(view).items() if v != default[k]}
    if told.keys() & PAPERS:
        told["rule"] = view.rule
    return {PARAMETERS.get(k, k): f"{v:.9g}" if isinstance(v, float) else str(v) for k, v in told.items()}


def current() -> View:
    """The view of the address; without a case or a sandbox in the address, the last one of this tab."""
    address = address_bar.shown()
    if not {"case", "pts"} & address.keys() and "view" in st.session_state:
        view = st.session_state["view"]
        _write(view)
        return view
    said, remarks = parse(address)
    for remark in remarks:
        st.toast(remark)
    bare = "v" not in address and said.case.startswith(challenges.PREFIX)  # as a teacher hands it out
    view = start_of(said.case)[0] if bare else _held(said)
    st.session_state["view"] = view
    if remarks or view != said:
        _write(view)  # an address that makes sense, so that the remark is made once
    return view


def start_of(case_id: str) -> tuple[View, frozenset[str]]:
    """How a blind challenge opens, and the fields that stay so; the default and none for any other case."""
    told, locked = challenges.start(paths.store_root(), case_id)
    return replace(parse(told)[0], case=case_id), locked & View.__dataclass_fields__.keys()


def _held(view: View) -> View:
    """The view with everything that a teacher locked as it was at the start."""
    start, locked = start_of(view.case)
    return replace(view, **{name: getattr(start, name) for name in locked})


def is_locked(name: str) -> bool:
    """Whether a teacher has locked this field in the case that is open."""
    return name in start_of(st.session_state.get("view", View()).case)[1]


def opening(case: Case) -> View:
    """How a case opens from a list: with the rule that it was computed with, so that its outcomes are at hand.

    A challenge opens as its teacher left it.
    """
    if case.id.startswith(challenges.PREFIX):
        return start_of(case.id)[0]
    rule = next((d for d in case.run.experiment.detectors if isinstance(d, DeltaInfluence)), RULE)
    return View(case=case.id, query=rule.query, threshold=rule.threshold, tolerance=rule.tolerance)


def latest() -> View:
    """Where the last gesture led, also while others wait to be taken."""
    return st.session_state.get("view", View())


def update(**changes: Any) -> View:
    """Move to another view, except for what is locked: remembered for this tab and written into the address."""
    changes = {"page": 1} | changes if changes.keys() & LISTS else changes
    view = _held(replace(latest(), **changes))
    st.session_state["view"] = view
    _write(view)
    return view


def _write(view: View) -> None:
    address_bar.write(parameters_of(view) | ({"v": VERSION} if view.case else {}))


def bound(widget: Callable[..., Any], label: str, name: str, value: Any, **options: Any) -> None:
    """A widget that shows one field of the view and moves the view when it is used, unless it is locked."""
    if is_locked(name):
        label = f":material/lock: {label}"
        options |= {"disabled": True, "help": LOCKED, "label_visibility": "visible"}

    def move(chosen: Any) -> None:
        update(**{name: value if chosen is None else chosen})

    moved.placed(widget, label, key=f"view_{name}", value=value, on_move=move, **options)
