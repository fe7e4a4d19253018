"""The classifier after the flagged images are gone: every outcome of a case side by side."""

import numpy as np
import streamlit as st

from app import charts, results, shell, state
from app.shell import escaped
from core import cases, registry
from core.cases import Outcome
from core.detectors.delta_influence import DeltaInfluence

view = state.current()
results.forget(view.case)
view, case = shell.opened_case(view)
names = list(case.plan.dataset.value.class_names)
before = case.plan.before.value
found = cases.outcomes(case, results.store())


def rule_words(rule: object) -> str:
    """The detector's setting in a few words."""
    settings = {k: v for k, v in rule.model_dump().items() if k != "name"}  # type: ignore[attr-defined]
    return ", ".join(f"{k} {v:g}" for k, v in settings.items() if not (k == "query" and v == 0))


def label(outcome: Outcome) -> str:
    """A short unique name of an outcome."""
    short = {"exact": "EU", "catastrophic_forgetting": "CF"}.get(
        outcome.unlearner.name, outcome.unlearner.name
    )
    return f"{short} · {outcome.flagged:,} removed"


st.title(f"Unlearn · {escaped(case.run.title)}")
rule = DeltaInfluence(threshold=view.threshold, tolerance=view.tolerance, query=view.query)
flagged = int(rule.detect(case.plan.scores.value).flagged.sum())

with st.container(border=True):
    st.subheader(f"Forget the {flagged:,} images flagged now")
    st.caption(f"Delta-Influence: {rule_words(rule)}")
    known = registry.members("unlearners")
    chosen = st.pills(
        "Methods",
        list(known),
        selection_mode="multi",
        default=list(known),
        key="unlearners",
        format_func=lambda n: known[n].title,
    )
    options = {u.name: u for u in case.run.experiment.unlearners}
    methods = tuple(options.get(n) or known[n]() for n in chosen)
    ready = [o for o in found if o.detector == rule and o.unlearner in methods]
    if not flagged:
        st.info("Nothing is flagged, so there is nothing to forget. Move the threshold first.")
    elif methods and len(ready) == len(methods):
        st.success("Computed: the outcomes below include exactly this set.", icon=":material/check:")
    else:
        st.caption("Not yet run for this set.")
    if st.button("Unlearn", icon=":material/healing:", disabled=not flagged or len(ready) == len(methods)):
        shell.start(cases.unlearn_variant(case, rule, methods))
        st.switch_page("views/jobs.py")
    st.page_link("views/investigate.py", label="Change the set", icon=":material/tune:")

st.header("Outcomes")
rows = [
    {
        "model": "victim",
        "detector": "–",
        "rule": "–",
        "flagged": "–",
        "poison success rate": before.poison_success_rate,
        "test accuracy": before.test_accuracy,
        "seconds": case.plan.victim.value.seconds,
    }
]
rows += [
    {
        "model": type(o.unlearner).title,
        "detector": type(o.detector).title,
        "rule": rule_words(o.detector),
        "flagged": f"{o.flagged:,}",
        "poison success rate": o.report.poison_success_rate,
        "test accuracy": o.report.test_accuracy,
        "seconds": o.seconds,
    }
    for o in found
]
percent = st.column_config.NumberColumn(format="percent")
st.dataframe(
    rows,
    hide_index=True,
    column_config={
        "poison success rate": percent,
        "test accuracy": percent,
        "seconds": st.column_config.NumberColumn(format="%.1f", help="training time, evaluation excluded"),
    },
)
if not found:
    st.info("No unlearning has been computed for this case yet.", icon=":material/info:")
    st.stop()
best = min(found, key=lambda o: (o.report.poison_success_rate, -o.report.test_accuracy))
st.caption(
    "Removal counts as a success below 5 % poison success. Seconds are wall-clock training time on the machine "
    "that computed the case."
)

left, right = st.columns(2, gap="medium")
with left:
    st.subheader("What is left of the poison, and at what price")
    points = [("victim", before.poison_success_rate, before.test_accuracy)]
    points += [(label(o), o.report.poison_success_rate, o.report.test_accuracy) for o in found]
    charts.show(
        charts.trade_off(points), key="trade-off", alt="poison success against test accuracy", height=340
    )
with right:
    st.subheader("Accuracy per class")
    bars = {"victim": np.asarray(before.class_accuracy)} | {
        label(o): np.asarray(o.report.class_accuracy) for o in found
    }
    charts.show(
        charts.accuracies(names, bars), key="classes", alt="accuracy per class before and after", height=340
    )

st.subheader("The picked test image, before and after")
queries = case.plan.queries.value
true, wrong = int(queries.true_labels[view.query]), int(queries.labels[view.query])
columns = st.columns(min(4, 1 + len(found)))
shown = [("victim", before.query_probabilities[view.query])] + [
    (label(o), o.report.query_probabilities[view.query]) for o in found
]
for column, (title, values) in zip(columns, shown, strict=False):
    with column:
        st.markdown(f"**{title}** says {escaped(names[int(values.argmax())])}")
        charts.show(
            charts.probabilities(names, np.asarray(values), true, wrong),
            key=f"after-{title}",
            alt=f"{title} says {names[int(values.argmax())]}",
            height=200,
        )

st.subheader("Test images whose prediction changed")
pick = st.selectbox(
    "Compare the victim with",
    range(len(found)),
    index=found.index(best),
    format_func=lambda i: label(found[i]),
)
after = found[pick].report
changed = np.flatnonzero(before.test_predictions != after.test_predictions)
right_now = int((after.test_predictions[changed] == case.plan.dataset.value.test.labels[changed]).sum())
st.caption(
    f"{len(changed):,} of {len(before.test_predictions):,} clean test images are read differently; "
    f"{right_now:,} of those are right now."
)
with st.expander("Confusion matrices"):
    for column, (title, counts) in zip(
        st.columns(2), (("victim", before.confusion), (label(found[pick]), after.confusion)), strict=True
    ):
        with column:
            st.markdown(f"**{title}**")
            charts.show(
                charts.confusion(names, counts),
                key=f"confusion-{title}",
                alt=f"confusion of {title}",
                height=360,
            )
