"""The questions that this server has put to its engine; every tab that wants the same answer looks at the same one."""

from collections import OrderedDict
from pathlib import Path
from threading import Lock

from app import access, results
from core.engine.answer import Answer
from core.engine.questions import Question

KEPT = 8
_lock = Lock()
_asked: OrderedDict[tuple[Path, str], Answer] = OrderedDict()


def to(question: Question) -> Answer:
    """The answer on its way, or ended; asked now when nobody has. A finished one whose result is gone is asked again."""
    name = (results.store().root, question.key)
    with _lock:
        found = _asked.get(name)
        if found is None or found.state == "done":
            access.require("start jobs")
            found = _asked[name] = Answer(name[0], question)
        _asked.move_to_end(name)
        while len(_asked) > KEPT:
            _asked.popitem(last=False)
        return found


def forget(question: Question) -> None:
    """Let go of an answer: its result is in the store, or it failed and the next look shall ask anew."""
    with _lock:
        _asked.pop((results.store().root, question.key), None)
