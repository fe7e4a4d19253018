"""Long work outside the page: submit an experiment, watch it, cancel it, from any process.

A job goes on when the tab is closed or the server stops. Its state lives in one SQLite file, in
`<store>/jobs/`; a supervisor, started when needed, runs one worker process a job. Submitting again after a
failure continues, since finished stages are kept in the store.
"""

from core.jobs.kinds import KINDS
from core.jobs.launch import ensure_supervisor, is_supervised
from core.jobs.logs import Log
from core.jobs.orders import (
    again,
    ask,
    attend,
    cancel,
    cancel_batch,
    dismiss_notice,
    hand_over,
    missing,
    needed,
    notice,
    repair,
    submit,
    table,
    turns,
)
from core.jobs.pace import remaining
from core.jobs.record import (
    ENDED,
    LIVE,
    Job,
    JobsDamaged,
    JobsUnavailable,
    NotYours,
    Progress,
    Refused,
    Request,
)
from core.jobs.resources import Resources
from core.jobs.table import JobTable

__all__ = [
    "ENDED",
    "KINDS",
    "LIVE",
    "Job",
    "JobTable",
    "JobsDamaged",
    "JobsUnavailable",
    "Log",
    "NotYours",
    "Progress",
    "Refused",
    "Request",
    "Resources",
    "again",
    "ask",
    "attend",
    "cancel",
    "cancel_batch",
    "dismiss_notice",
    "ensure_supervisor",
    "hand_over",
    "is_supervised",
    "missing",
    "needed",
    "notice",
    "remaining",
    "repair",
    "submit",
    "table",
    "turns",
]
