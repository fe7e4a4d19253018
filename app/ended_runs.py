"""Lets a run of the page that has just ended be heard before a timer starts the next one.

Streamlit 1.67 ignores whatever a run has still to tell when a part of the page with a timer (`run_every`) asks in the
moment between its end and its last messages: the page then stays as it was, with the figure before the gesture. Its
own comment tells of it (app_session.request_rerun, issue 9921) and guards against one case only. Measured with and
without by tests/reliability/timers.py.
"""

from typing import Any

from streamlit.runtime.app_session import AppSession, AppSessionState

_create = AppSession._create_scriptrunner


def heard() -> None:
    """From now on every session lets its ended runs finish speaking. Raises AttributeError where Streamlit differs."""
    AppSession._create_scriptrunner = _after_its_last_words


def _after_its_last_words(session: AppSession, asked: Any) -> None:
    """Start a run; that of a timer only when the event loop has passed on what the ended one has told it."""
    ended = session._scriptrunner
    if ended is None or not asked.fragment_id:
        _create(session, asked)
        return

    def start() -> None:
        if session._state is AppSessionState.SHUTDOWN_REQUESTED:
            return
        now = session._scriptrunner
        if now is ended or now is None or not now.request_rerun(asked):
            _create(session, asked)

    session._event_loop.call_soon(start)
