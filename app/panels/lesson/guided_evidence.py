"""Steps 1 to 4 of the guided case: what an analyst can see without knowing the truth."""

import numpy as np
import streamlit as st

from app import charts, images, learn_charts, results
from app.components.gallery import Item, gallery
from app.panels.lesson.guided import SHOWN, Lesson, choose, guessed_number, number, offer, revealed
from app.words import counted, escaped, quoted, transformation
from core import collapse
from core.learn import lessons
from core.learn.lessons import Picking


def look(lesson: Lesson) -> None:
    """Step 1: a wrong prediction."""
    case, e, query = lesson.case, lesson.evidence, lesson.view.query
    queries, names = case.plan.queries.value, list(e.names)
    left, right = st.columns([1, 2], gap="large")
    with left:
        picture(lesson, width=224)
        st.caption(f"Read as {quoted(names[e.read])}, {queries.probabilities[query].max():.1%} sure.")
    with right:
        if choose(lesson, 1, lessons.why(e)):
            shares = e.reads / max(int(e.reads.sum()), 1)
            figure = charts.probabilities(names, shares, e.true, e.read)
            st.caption(f"What clean test images of {quoted(names[e.true])} are read as:")
            alt = f"{shares[e.true]:.0%} of them are read rightly"
            charts.show(figure, key="guided-reads", alt=alt, height=190)


def picture(lesson: Lesson, width: int) -> None:
    """The misread test image."""
    queries, e, query = lesson.case.plan.queries.value, lesson.evidence, lesson.view.query
    alt = f"test image {queries.test_rows[query]}, shows {e.names[e.true]}, read as {e.names[e.read]}"
    st.image(images.inline(images.enlarged(queries.images[query])), width=width, alt=alt)


def support(lesson: Lesson) -> None:
    """Step 2: who supports the answer?"""
    question, e = lessons.supporters(lesson.evidence), lesson.evidence
    st.markdown(
        "**Influence** says how much the answer owes to one training image: how much less sure the classifier would be "
        "of it, had that image not been there."
    )
    guess = _pick(lesson, 2, question, exactly=3)
    if guess is None:
        return
    order = sorted(range(len(question.rows)), key=lambda i: -question.values[i])
    names = [_short(lesson, question.rows[i]) for i in order]
    mine = [guess != SHOWN and question.rows[i] in guess for i in order]
    figure = learn_charts.guesses(names, mine, np.array([question.values[i] for i in order]))
    figure.update_xaxes(title=f"influence on the answer “{e.names[e.read]}”")
    charts.show(figure, key="guided-support", alt="influence of the twelve images", height=340)


def _short(lesson: Lesson, row: int) -> str:
    return f"{row:,} labelled {lesson.evidence.names[lesson.evidence.labels[row]]}"


def _pick(lesson: Lesson, step: int, question: Picking, exactly: int = 0) -> frozenset[int] | str | None:
    """A question about images; the guess, or None until there is one."""
    st.markdown(f"**{escaped(question.text)}**")
    guess = lesson.guess(step)
    if guess is not None:
        items = [_answered(lesson, question, row, guess) for row in question.rows]
        gallery(items, key=lesson.key(f"answer-{step}"), label="the answer", selected=[], size=64, columns=6)
        _verdict(question, guess)
        return guess
    items = [_item(lesson, row) for row in question.rows]
    key = lesson.key(f"pick-{step}")
    chosen = gallery(items, key=key, label="training images", size=64, columns=6, multi=True)
    picked = frozenset(int(i) for i in chosen or [])
    if exactly and len(picked) != exactly:
        st.caption(f"{counted(len(picked), 'image')} picked of {exactly}.")
    enough = len(picked) == exactly if exactly else bool(picked)
    offer(lesson, step, picked if enough else None)
    return None


def _verdict(question: Picking, guess: frozenset[int] | str) -> None:
    if isinstance(guess, str):
        return revealed(None, question.told)
    hits = len(guess & question.right)
    found = f"You picked {len(guess)}, of which {hits} {'is' if hits == 1 else 'are'} right. "
    praise = "Right." if guess == question.right else "Nearly."
    revealed(question.is_right(guess), found + question.told, praise=praise)


def _item(lesson: Lesson, row: int) -> Item:
    name = lesson.evidence.names[lesson.evidence.labels[row]]
    src = images.address(lesson.case.id, "train", row)
    return {"id": row, "src": src, "title": f"labelled {name}", "alt": f"training image {row}, label {name}"}


def _answered(lesson: Lesson, question: Picking, row: int, guess: frozenset[int] | str) -> Item:
    mine = not isinstance(guess, str) and row in guess
    item = _item(lesson, row) | {"badge": "✓" if row in question.right else None}
    item["lines"] = ["your guess" if mine else " "]
    return item


def transform(lesson: Lesson) -> None:
    """Step 3: guess what the copies do to influence."""
    case, e = lesson.case, lesson.evidence
    changed, question = case.plan.changed.value, lessons.falling(e)
    st.markdown(
        f"Now the misread image is changed {len(e.delta)} times, and each copy is asked about **another label**. Six of the "
        "copies, below. Influence is measured again on each."
    )
    gallery(
        [
            {
                "id": int(row),
                "src": images.address(case.id, "copy", int(row)),
                "title": transformation(changed.transforms[row]),
                "lines": [f"as {e.names[changed.labels[row]]}"],
                "alt": f"copy, {changed.transforms[row].replace('_', ' ')}, asked about as {e.names[changed.labels[row]]}",
            }
            for row in lessons.copies(case, lesson.view.query)
        ],
        key=lesson.key("copies"),
        label="transformed copies",
        selected=[],
        size=56,
        columns=6,
    )
    _pick(lesson, 3, question)


def watch(lesson: Lesson) -> None:
    """Step 4: the copies come in one after the other."""
    e, question = lesson.evidence, lessons.lasting(lesson.evidence)
    if not number(lesson, 4, question):
        return
    t = len(e.delta)
    so_far = st.slider(
        "Copies so far",
        1,
        t,
        1,
        key=lesson.key("copies-so-far"),
        help="Drag it, or use the arrow keys: one copy at a time.",
    )
    left = lessons.survivors(e)
    rows = np.array(lessons.falling(e).rows)
    scale = results.changes(lesson.case, lesson.view.query).typical
    one, other = st.columns(2, gap="medium")
    with one:
        st.caption("The six images of the last step: orange where influence fell, blue where it rose.")
        shown = collapse.compressed(e.delta[:, rows], scale)
        figure = learn_charts.strips(shown.T, [_short(lesson, int(i)) for i in rows], so_far)
        charts.show(figure, key="guided-strips", alt=f"changes on the first {so_far} copies", height=240)
    with other:
        st.caption(
            f"**{left[so_far - 1]:,}** of {e.delta.shape[1]:,} training images fell on every copy so far."
        )
        figure = learn_charts.survivors(left, so_far)
        charts.show(figure, key="guided-left", alt=f"{left[so_far - 1]} images left", height=240)
    if so_far == t:
        guessed_number(lesson, 4, question, question.told)
    else:
        st.caption(f"Move on to copy {t} to see how good your guess was.")
