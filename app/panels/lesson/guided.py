"""What every step of the guided case has: where one stands, the guess, and the fact that is revealed after it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import state
from app.shell import escaped
from app.state import View
from core.cases import Case
from core.learn.lessons import STEPS, Choice, Evidence, Number

GUESSES = "guided"
SHOWN = "shown"
"""Stands for a guess where somebody only wanted to see."""


@dataclass(frozen=True)
class Lesson:
    """The case, where the page stands, and what there is to go by."""

    case: Case
    view: View
    evidence: Evidence

    @property
    def guesses(self) -> dict[int, Any]:
        """What was guessed in this tab, by step; kept nowhere else."""
        kept = st.session_state.setdefault(GUESSES, {})
        return kept.setdefault((self.case.id, self.view.query), {})

    def guess(self, step: int) -> Any:
        """What was guessed at a step; None where nothing was."""
        return self.guesses.get(step)

    def key(self, name: str) -> str:
        """A widget's key."""
        return f"guided-{name}-{self.case.id}-{self.view.query}"


def where(step: int) -> None:
    """The bar at the top."""
    st.progress(step / len(STEPS), text=f"Step {step} of {len(STEPS)} · **{STEPS[step - 1]}**")


def onwards(lesson: Lesson, step: int) -> None:
    """Back, and on or past."""
    answered = lesson.guess(step) is not None
    st.divider()
    with st.container(horizontal=True):
        if step > 1:
            _button("Back", "arrow_back", lambda: state.update(lesson=step - 1))
        if step < len(STEPS):
            label = "Next" if answered else "Skip"
            _button(label, "arrow_forward", lambda: state.update(lesson=step + 1))
        elif lesson.guesses:
            _button("Start again", "replay", lambda: _again(lesson))


def _button(label: str, icon: str, act: Callable[[], Any]) -> None:
    key = f"guided-{icon}"
    st.button(label, icon=f":material/{icon}:", on_click=act, key=key)


def _again(lesson: Lesson) -> None:
    lesson.guesses.clear()
    state.update(lesson=1)


def offer(lesson: Lesson, step: int, guess: Any, *, label: str = "This is my guess") -> None:
    """The button that fixes a guess, and one for whoever only wants to see; `guess` None is no guess yet."""
    with st.container(horizontal=True):
        st.button(
            label,
            icon=":material/check:",
            disabled=guess is None,
            key=lesson.key(f"fix-{step}"),
            on_click=lambda: lesson.guesses.update({step: guess}),
        )
        st.button(
            "Just show me",
            type="tertiary",
            key=lesson.key(f"show-{step}"),
            on_click=lambda: lesson.guesses.update({step: SHOWN}),
        )


def revealed(right: bool | None, told: str, *, praise: str = "Right.") -> None:
    """The fact, and whether the guess was right; None where nothing was guessed."""
    if right is None:
        st.info(escaped(told), icon=":material/lightbulb:")
    elif right:
        st.success(f"**{praise}** {escaped(told)}", icon=":material/check_circle:")
    else:
        st.warning(f"**Not quite.** {escaped(told)}", icon=":material/cancel:")


def choose(lesson: Lesson, step: int, question: Choice) -> bool:
    """A question with answers to choose from; whether it has been answered."""
    st.markdown(f"**{escaped(question.text)}**")
    guess = lesson.guess(step)
    if guess is None:
        options = list(range(len(question.options)))
        chosen = st.radio(
            escaped(question.text),
            options,
            index=None,
            format_func=lambda i: escaped(question.options[i]),
            key=lesson.key(f"choice-{step}"),
            label_visibility="collapsed",
        )
        offer(lesson, step, chosen)
        return False
    st.markdown("  \n".join(_option(question, i, guess == i) for i in range(len(question.options))))
    revealed(None if guess == SHOWN else question.is_right(guess), question.told)
    return True


def _option(question: Choice, i: int, mine: bool) -> str:
    mark = ":material/check_circle:" if question.is_right(i) else ":material/radio_button_unchecked:"
    return f"{mark} {escaped(question.options[i])}" + (" · *your guess*" if mine else "")


def number(lesson: Lesson, step: int, question: Number) -> bool:
    """A question for a number; whether it has been answered."""
    st.markdown(f"**{escaped(question.text)}**")
    if lesson.guess(step) is not None:
        return True
    guess = st.number_input(
        escaped(question.text),
        min_value=0,
        max_value=int(question.most),
        value=None,
        step=1,
        placeholder="your guess",
        key=lesson.key(f"number-{step}"),
        label_visibility="collapsed",
        width=220,
    )
    offer(lesson, step, guess)
    return False


def guessed_number(lesson: Lesson, step: int, question: Number, told: str) -> None:
    """The fact beside the number that was guessed."""
    guess = lesson.guess(step)
    if guess == SHOWN:
        return revealed(None, told)
    revealed(question.is_right(guess), f"You said {guess:,}, it is {question.value:,.0f}. {told}")
