"""The set in use on Unlearn: whose flags, how many, by what name; a reviewed set, or somebody's own list."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import access, rules, shell, state
from app.panels.unlearning.outcome_names import SHORT_DIGEST
from app.shell import escaped
from app.state import View
from app.words import counted, listed, quoted, settings
from core import sets
from core.artifacts import Detection
from core.cases import Case
from core.detection import verdict
from core.detectors.base import Detector
from core.detectors.reviewed import Reviewed
from core.export import Rule
from core.unlearned.outcomes import Outcome
from core.unlearning import emptied

LIVE, KEPT = "", "set-"
"""Choice of the rule of the view; what comes before the digest of a set."""


@dataclass(frozen=True)
class Chosen:
    """The set to forget."""

    rule: Detector
    found: Detection
    """By the numbers that the pages show."""
    digest: str
    """Of the rows of the data."""
    flagged: int
    empties: list[str]
    """Classes that would have no image left."""

    @property
    def usable(self) -> bool:
        """Whether anything can be unlearned."""
        return bool(self.flagged) and not self.empties


def chosen_set(case: Case, view: View, found: list[Outcome]) -> Chosen | None:
    """The set of the address with what is to be known about it; None where it is not known yet."""
    title = st.empty()
    rule = _rule(case, view, found)
    detection = _detection(case, rule)
    if detection is None:
        _own_list(case)
        return None
    chosen = _chosen(case, rule, detection)
    title.subheader(f"Forget the {counted(chosen.flagged, 'image')} flagged now")
    _facts(case, view, chosen)
    _own_list(case)
    with st.container(horizontal=True):
        st.page_link("views/investigate.py", label="Change the set", icon=":material/tune:")
        st.page_link("views/review.py", label="Review the set", icon=":material/rule:")
    return chosen


def _rule(case: Case, view: View, found: list[Outcome]) -> Detector:
    """The rule of the view, another detector of the case at its own setting, or a set that people chose."""
    live = rules.in_force(case, view)
    titles = {LIVE: f"{live.title}, as set on Investigate"}
    others: dict[str, Detector] = {d.name: d for d in case.run.experiment.detectors if d.name != live.name}
    titles |= {name: type(d).title for name, d in others.items()}
    for kept in _kept_sets(case, view, found):
        others[name := KEPT + kept.digest] = kept
        titles[name] = f"{kept.title} {kept.digest[:SHORT_DIGEST]}"
    chosen = view.flags if view.flags in others else LIVE
    if view.flags and not chosen:
        st.warning("The set that the link names is not here; the rule of Investigate is taken.")
    if len(titles) > 1:
        state.bound(
            st.selectbox,
            "Flagged by",
            "flags",
            chosen,
            options=list(titles),
            format_func=titles.get,
            help="The rule of Investigate as it is set now, every other detector of the case at the setting of its "
            "experiment, and sets that people reviewed or brought.",
        )
    return others.get(chosen, live)


def _kept_sets(case: Case, view: View, found: Iterable[Outcome]) -> list[Reviewed]:
    """The set of the address, and those that something was unlearned for."""
    known = {o.detector.digest for o in found if isinstance(o.detector, Reviewed) and o.asked.role == "flags"}
    digest = view.flags.removeprefix(KEPT)
    if view.flags.startswith(KEPT) and (sets.folder() / f"{digest}.json").exists():
        known |= {digest} if not case.sealed or sets.is_of(digest, case.salt) else set()
    try:
        return [Reviewed(digest=d) for d in sorted(known)]
    except ValueError:  # an address may hold anything
        return []


def _detection(case: Case, rule: Detector) -> Detection | None:
    """What the rule flags; None, and why, where that has not been computed."""
    if isinstance(rule, Reviewed):
        try:
            return verdict(case.plan, rule)
        except (ValueError, FileNotFoundError) as error:
            st.error(escaped(str(error)), icon=":material/error:")
            return None
    if isinstance(rule, Rule):
        return rules.flags(case, rule)
    made = case.plan.detections[rule.name]
    if made.store.find(made) is not None:
        return made.value
    st.info(f"What {type(rule).title} flags has not been computed yet.", icon=":material/hourglass:")
    if not case.sealed and st.button("Go on computing", icon=":material/play_arrow:"):
        shell.start(case.run.experiment)
        st.switch_page("views/jobs.py")
    return None


def _chosen(case: Case, rule: Detector, found: Detection) -> Chosen:
    data, rows = case.plan.poisoned.value, np.flatnonzero(found.flagged)
    empty = emptied(data.train.labels, found.flagged) if len(rows) else []
    names = [data.class_names[c] for c in empty]
    return Chosen(rule, found, sets.digest_of(case.real_rows(rows)), len(rows), names)


def _facts(case: Case, view: View, chosen: Chosen) -> None:
    """How much of the training set it is, its name, and what people changed; what stands in the way."""
    n = len(chosen.found.flagged)
    about = (
        "" if isinstance(chosen.rule, Reviewed) else f"{type(chosen.rule).title}: {settings(chosen.rule)}. "
    )
    st.caption(
        f"{escaped(about)}{chosen.flagged:,} of {n:,} training images ({chosen.flagged / n:.1%})"
        + ("." if case.sealed else f", set `{chosen.digest[:SHORT_DIGEST]}`.")  # see core.sets.digest_of
    )
    if isinstance(chosen.rule, Reviewed):
        _overrides(case, view, chosen)
    if not chosen.flagged:
        st.info("Nothing is flagged, so there is nothing to forget. Move the threshold first.")
    elif chosen.empties:
        gone = listed(quoted(name) for name in chosen.empties)
        st.error(
            f"Without this set no image of {gone} would be left, so no classifier can be made. Flag fewer images "
            "of that class.",
            icon=":material/block:",
        )


def _overrides(case: Case, view: View, chosen: Chosen) -> None:
    """In what the set differs from the rule of Investigate."""
    live = rules.in_force(case, view)
    ruled = rules.flags(case, live).flagged
    added, left = int((chosen.found.flagged & ~ruled).sum()), int((ruled & ~chosen.found.flagged).sum())
    same = "the same images" if not added + left else f"{added:,} added, {left:,} left out"
    st.caption(f"Against {escaped(live.title)} as set on Investigate: {same}.")


def _own_list(case: Case) -> None:
    """Take somebody's own list of images in."""
    with st.expander("Use your own list", icon=":material/upload_file:"):
        file = st.file_uploader(
            "A list of training images",
            type=["npy", "csv", "json"],
            key=f"own-list-{case.id}",
            max_upload_size=sets.MAX_FILE_BYTES // 2**20,
            help="Numbers of training images, counted from 0 as on Investigate: `flagged_indices.npy`, a CSV with a "
            "column `index`, or JSON.",
        )
        if file is None or st.session_state.get("own_list_taken") == file.file_id:
            return
        try:
            rows = sets.from_file(file.getvalue(), file.name, len(case.plan.dataset.value.train))
        except ValueError as error:
            st.error(escaped(str(error)), icon=":material/error:")
            return
        st.session_state["own_list_taken"] = file.file_id
        access.require("upload files")
        state.update(flags=KEPT + sets.keep(case.real_rows(rows), case.salt))
        st.rerun()
