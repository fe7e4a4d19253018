"""Choose how to forget the set in use: methods, settings, seeds, what each will cost, and start."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import results, shell
from app.panels import choices, forecast
from app.panels.unlearning import outcome_queue
from app.panels.unlearning.outcome_set import Chosen
from app.shell import escaped
from app.words import counted, short
from core import cases, registry
from core.cases import Case
from core.pipeline import plan
from core.unlearned import outcome_figures, outcomes
from core.unlearned.outcomes import Asked, Outcome


@dataclass(frozen=True)
class Ways:
    """How to forget: the methods with their settings, and with how many seeds."""

    methods: list[Any]
    seeds: int


def ways(case: Case) -> Ways:
    """The form; settings that do not fit are named and left out."""
    st.subheader("How")
    base = [u.model_dump(mode="json") for u in case.run.experiment.unlearners] or [{"name": "exact"}]
    methods = []
    for chosen in choices.several("unlearners", "Methods", base, f"unlearners-{case.id}"):
        try:
            methods.append(registry.create("unlearners", **chosen))
        except ValueError as error:
            st.error(f"{chosen['name']} is left out: {escaped(shell.complaint(error))}")
    count = st.slider(
        "Repeat with other seeds",
        1,
        outcomes.MOST_SEEDS,
        1,
        key=f"seeds-{case.id}",
        format="%d×",
        help="Unlearning again with other random numbers (weights, order, augmentation), from the same classifier: "
        "shows how far a result is chance. 3 give a first impression of the range.",
    )
    return Ways(methods, int(count))


def start(case: Case, chosen: Chosen, how: Ways, found: list[Outcome]) -> None:
    """What is done already, what the rest will cost, and the button that queues it."""
    wanted = outcomes.seeds(case.run.experiment, how.seeds)
    left = [
        (method, outcomes.missing_seeds(found, Asked(chosen.rule, method, 0), chosen.digest, wanted))
        for method in how.methods
    ]
    todo = [(method, seeds) for method, seeds in left if seeds]
    if how.methods and chosen.usable:
        _remark(len(how.methods), len(todo))
        _costs(case, chosen, todo, found)
    with st.container(horizontal=True):
        if st.button("Unlearn", icon=":material/healing:", disabled=not (chosen.usable and todo)):
            outcome_queue.begin(case, [Asked(chosen.rule, method, 0) for method, _ in todo], how.seeds)
            st.toast(f"{counted(len(todo), 'method')} queued. Results appear below as they are made.")
            st.rerun()
        if todo and chosen.usable:
            _measure(case, chosen, how)


def _remark(asked: int, todo: int) -> None:
    if not todo:
        st.success("Computed: the outcomes below include exactly this set.", icon=":material/check:")
    elif todo < asked:
        st.caption(f"{asked - todo} of {asked} methods have been run for this set.")
    else:
        st.caption("Not yet run for this set.")


def _costs(case: Case, chosen: Chosen, todo: list[tuple[Any, list[int]]], found: list[Outcome]) -> None:
    """For each method that is to be run, how long it will take."""
    measured = {m.name: step for m, _ in todo if (step := _measured().get(_key(case, chosen, m)))}
    rows = []
    for method, seeds in todo:
        guessed = outcome_figures.expected(case.plan, found, method, chosen.flagged)
        rows.append(_cost(method, len(seeds), guessed, measured.get(method.name)))
    if rows:
        st.dataframe(rows, hide_index=True, key="unlearn-costs", alt="expected cost of each method")
        by = "how long the same method took before, or the classifier's own training"
        by = "a test of this machine" if measured else by
        st.caption(f"Judged by {by}: expect it to be right within a factor of two.")


def _cost(method: Any, n_seeds: int, guessed: float | None, step: dict[str, Any] | None) -> dict[str, Any]:
    seconds = step["seconds"] if step and step["seconds"] else guessed
    row = {"method": short(method), "seeds to run": n_seeds, "time": "not known", "memory": "not measured"}
    if seconds:
        low, high = (shell.duration(s) for s in outcome_figures.cost_range(seconds, n_seeds))
        row["time"] = f"{low} to {high}"
    if step and step["memory_mb"]:
        row["memory"] = f"{step['memory_mb'] / 1000:.1f} GB" + ("" if step["fits"] else ", too much")
    return row


def _measure(case: Case, chosen: Chosen, how: Ways) -> None:
    """Let the engine test this machine, which takes a few seconds."""
    if not st.button("Test this machine first", icon=":material/speed:", type="tertiary"):
        return
    variant = cases.unlearn_variant(case, chosen.rule, tuple(how.methods))
    with st.spinner("measuring this machine for a moment"):
        cost = forecast.asked(variant.to_toml())
    if isinstance(cost, str):
        st.error(escaped(cost))
        return
    steps = {step["key"]: step for step in cost}
    cleaned = plan(variant, results.store()).cleaned
    for method in how.methods:
        if step := steps.get(cleaned[f"{chosen.rule.name}/{method.name}"].key):
            _measured()[_key(case, chosen, method)] = step
    st.rerun()


def _measured() -> dict[str, dict[str, Any]]:
    """What was measured in this tab, by what it was measured for."""
    return st.session_state.setdefault("unlearn_costs", {})


def _key(case: Case, chosen: Chosen, method: Any) -> str:
    return f"{case.id}/{chosen.digest}/{method.model_dump_json()}"
