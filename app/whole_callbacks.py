"""Lets what a gesture does come to its end before the next one begins.

By default Streamlit 1.67 answers a request that comes while the page is being run in a second thread, which works on the
same state of the session as the first until that one notices (runner.fastReruns, AppSession.request_rerun). And it looks
for new requests whenever a script touches that state, also inside callbacks, and leaves whatever it finds itself in: a
script is run again, a callback is not. Of two gestures within 0.07 s one in three was lost. Measured with and without by
tests/reliability/timers.py; either half alone still loses some.

One after the other, a request may wait until a run has ended after which the browser forgets what it offered in that
request to keep (messages that no run has mentioned for a while); Streamlit would mention it all the same, and the page
would be cut off for good. So the browser keeps messages for longer than any request waits.
"""

import threading
from typing import Any

from streamlit import config
from streamlit.runtime.scriptrunner.script_runner import ScriptRunner
from streamlit.runtime.state.session_state import SessionState

_look, _call = ScriptRunner._maybe_handle_execution_control_request, SessionState._call_callbacks
_now = threading.local()
KEPT_RUNS = 30
"""Runs for which the browser keeps a message that none of them mentions; by default they are 2."""


def undivided() -> None:
    """From now on a session does one thing after the other, and callbacks are not left half-way.

    Raises AttributeError where Streamlit differs.
    """
    config.set_option("runner.fastReruns", False)
    config.set_option("global.maxCachedMessageAge", KEPT_RUNS)
    ScriptRunner._maybe_handle_execution_control_request = _look_between
    SessionState._call_callbacks = _call_to_the_end


def _look_between(runner: ScriptRunner) -> None:
    if not getattr(_now, "inside", False):
        _look(runner)


def _call_to_the_end(session: SessionState, **options: Any) -> None:
    _now.inside = True
    try:
        _call(session, **options)
    finally:
        _now.inside = False
