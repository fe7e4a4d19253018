"""Steps 5 to 7 of the guided case: draw the line, learn the truth, and unlearn."""

import numpy as np
import streamlit as st

from app import charts, images, learn_charts, results, state
from app.components.gallery import Item, gallery
from app.components.threshold import threshold
from app.panels.lesson.guided import SHOWN, Lesson, choose, guessed_number, number
from app.panels.unlearning import outcome_queue
from app.shell import escaped
from app.words import counted
from core import cases, collapse, registry
from core.detectors.delta_influence import DeltaInfluence
from core.learn import lessons, lessons_verdict
from core.learn.lessons_verdict import Committed, Entry
from core.truth import Truth
from core.unlearned.outcomes import Outcome

EACH = 4
"""Images on either side of the line that are shown."""


def draw(lesson: Lesson) -> None:
    """Step 5: drag the threshold and commit to a set."""
    ordered = results.changes(lesson.case, lesson.view.query).ordered
    t = len(ordered)
    st.markdown(
        "Each image is judged by one number: the change that **all but a tolerated few** of its copies stay below. Drag the "
        "line: whatever is left of it is flagged. Too far right catches the innocent, too far left lets poisons go."
    )
    left, right = st.columns([4, 1], gap="medium")
    with right:
        most = max(1, lesson.view.tolerance, min(10, t - 1))
        help_ = "How many copies may fail to push the influence below the line."
        options = {"min_value": 0, "max_value": most, "help": help_}
        state.bound(st.slider, "Tolerance", "tolerance", lesson.view.tolerance, **options)
    statistic = collapse.order_statistic(ordered, lesson.view.tolerance)
    with left:
        threshold(
            np.sort(statistic),
            lesson.view.threshold,
            flagged_total=len(statistic),
            key=lesson.key("threshold"),
            height=150,
            on_move=lambda value: state.update(threshold=value),
        )
    chosen = np.float32(lesson.view.threshold)
    flagged = statistic < chosen
    _sides(lesson, statistic, flagged)
    _commit(lesson, Committed(float(chosen), lesson.view.tolerance), int(flagged.sum()))


def _sides(lesson: Lesson, statistic: np.ndarray, flagged: np.ndarray) -> None:
    """The images next to the line."""
    order = np.argsort(statistic, kind="stable")
    inside = order[flagged[order]][-EACH:]
    outside = order[~flagged[order]][:EACH]
    for column, name, rows in zip(
        st.columns(2, gap="medium"), ("Just flagged", "Just spared"), (inside, outside), strict=True
    ):
        with column:
            st.caption(f"**{name}**")
            items = [_item(lesson, int(row), bool(flagged[row])) for row in rows]
            key = lesson.key(name)
            gallery(items, key=key, label=name, selected=[], size=48, columns=EACH)


def _item(lesson: Lesson, row: int, flagged: bool) -> Item:
    name = lesson.evidence.names[lesson.evidence.labels[row]]
    alt = f"training image {row}, label {name}" + (", flagged" if flagged else "")
    return {
        "id": row,
        "src": images.address(lesson.case.id, "train", row),
        "title": f"labelled {name}",
        "alt": alt,
    }


def _commit(lesson: Lesson, now: Committed, count: int) -> None:
    before, kept = lesson.guess(5), lesson.key("expected")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        expected = st.slider(
            "Of these, how many will be poisons?", 0, 100, 80, step=5, format="%d%%", key=kept, width=320
        )
        st.button(
            f"Commit to {'this 1 image' if count == 1 else f'these {count:,} images'}",
            icon=":material/lock:",
            disabled=not count or before == (now, expected / 100),
            key=lesson.key("commit"),
            on_click=lambda: lesson.guesses.update({5: (now, expected / 100)}),
        )
    if before is not None:
        mine = int(before[0].flagged(lesson.evidence).sum())
        same = before[0] == now
        st.success(
            f"You committed to {counted(mine, 'image')} and expect {before[1]:.0%} of them to be poisons. "
            + ("" if same else "The line has moved since; commit again, or leave it."),
            icon=":material/lock:",
        )


def committed(lesson: Lesson) -> Committed:
    """The set that was committed to; else the one that the address describes."""
    fixed = lesson.guess(5)
    return fixed[0] if fixed else Committed(lesson.view.threshold, lesson.view.tolerance)


def reveal(lesson: Lesson, truth: Truth) -> None:
    """Step 6: the truth."""
    e, mine = lesson.evidence, committed(lesson)
    ranked = lessons_verdict.entries(lesson.case, e, mine, truth)
    if not lesson.guess(5):
        st.caption(
            "You have not committed to a set, so the line of this link counts as yours "
            f"(threshold {mine.threshold:.4g}, tolerance {mine.tolerance})."
        )
    if not choose(lesson, 6, lessons_verdict.best(ranked)):
        return
    if fixed := lesson.guess(5):
        st.markdown(escaped(lessons_verdict.expectation(ranked[0], fixed[1])))
    left, right = st.columns([2, 3], gap="medium")
    with left:
        figure = learn_charts.ranking([x.name for x in ranked], [x.f1 for x in ranked])
        alt = "how close each set comes to the true poisons"
        charts.show(figure, key="guided-ranking", alt=alt, height=70 + 30 * len(ranked))
    with right:
        percent = st.column_config.NumberColumn(format="percent")
        columns = {"precision": percent, "found": percent}
        st.dataframe([_row(x) for x in ranked], hide_index=True, column_config=columns)
        st.caption(
            f"There are {counted(len(truth), 'poison')}. The bars weigh precision and share found equally (F1)."
        )


def _row(x: Entry) -> dict[str, object]:
    told = {"set": x.name, "flagged": x.flagged, "poisons": x.hits}
    return told | {"precision": x.precision, "found": x.found}


def unlearn(lesson: Lesson, truth: Truth) -> None:
    """Step 7: forget the set."""
    case, flagged = lesson.case, committed(lesson).flagged(lesson.evidence)
    outcome = lessons_verdict.example(cases.outcomes(case, results.store()), case, flagged)
    if outcome is None:
        st.info("No unlearning has been computed for this case yet.", icon=":material/hourglass:")
        _run(lesson, int(flagged.sum()))
    else:
        _outcome(lesson, outcome, flagged)
    if outcome is None or lesson.guess(7) is not None:
        _summary(lesson, truth, outcome)


def _outcome(lesson: Lesson, outcome: Outcome, flagged: np.ndarray) -> None:
    case = lesson.case
    before, mine = case.plan.before.value, lessons_verdict.is_of(outcome, case, flagged)
    whose = "your set" if mine else f"the set of {type(outcome.detector).title}"
    st.caption(f"Computed before: forgetting {escaped(whose)}, {counted(outcome.flagged, 'image')}.")
    question = lessons_verdict.afterwards(before, outcome)
    if number(lesson, 7, question):
        after = outcome.report
        figure = learn_charts.shares(
            ["poison success", "test accuracy"],
            [before.poison_success_rate, before.test_accuracy],
            [after.poison_success_rate, after.test_accuracy],
        )
        charts.show(
            figure, key="guided-after", alt="poison success and accuracy, before and after", height=200
        )
        guessed_number(lesson, 7, question, question.told)
    if not mine:
        _run(lesson, int(flagged.sum()))


def _run(lesson: Lesson, count: int) -> None:
    """Offer to unlearn the user's own set."""
    if not count:
        st.caption("Your own set is empty, so there is nothing of yours to unlearn.")
        return
    mine = committed(lesson)
    rule = DeltaInfluence(threshold=mine.threshold, tolerance=mine.tolerance, query=lesson.view.query)
    method = registry.create("unlearners", name="exact")
    label = f"Unlearn your own {counted(count, 'image')}"
    if st.button(label, icon=":material/healing:", key=lesson.key("run")):
        outcome_queue.begin(lesson.case, rule, [method], 1)
    outcome_queue.queue(lesson.case, truth=True)


def _summary(lesson: Lesson, truth: Truth, outcome: Outcome | None) -> None:
    e, case = lesson.evidence, lesson.case
    ranked = lessons_verdict.entries(case, e, committed(lesson), truth)
    questions = {
        1: lessons.why(e),
        2: lessons.supporters(e),
        3: lessons.falling(e),
        4: lessons.lasting(e),
        6: lessons_verdict.best(ranked),
    }
    if outcome:
        questions[7] = lessons_verdict.afterwards(case.plan.before.value, outcome)
    marks = {
        step: question.is_right(guess)
        for step, question in questions.items()
        if (guess := lesson.guess(step)) is not None and guess != SHOWN
    }
    with st.container(border=True):
        st.subheader("How you did")
        st.markdown(escaped(lessons_verdict.summary(marks, ranked[0] if lesson.guess(5) else None)))
        with st.container(horizontal=True):
            for step, right in marks.items():
                icon = ":material/check_circle:" if right else ":material/cancel:"
                st.badge(f"Step {step}: {'right' if right else 'not quite'}", icon=icon, color="gray")
        with st.container(horizontal=True):
            st.page_link("views/investigate.py", label="Investigate this case", icon=":material/search:")
            st.page_link("views/sandbox.py", label="Play in the sandbox", icon=":material/scatter_plot:")
            st.page_link("views/method.py", label="Read the method", icon=":material/menu_book:")
