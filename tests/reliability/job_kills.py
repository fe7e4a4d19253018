"""Rounds that kill: the supervisor, its workers with it, the whole machine, the dashboard; each counted as one row."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from typing import Any

from office import SOURCE_ROOT, Office
from record import row

from core.jobs import Job
from core.jobs.process import is_alive

Row = dict[str, Any]
STEPS = 40


def ended(job: Job) -> bool:
    """Whether nothing will happen to it any more."""
    return not job.is_live


def steps_of(office: Office) -> list[str]:
    """The steps that were done, in their order."""
    return office.kept.read_text().split() if office.kept.exists() else []


def fresh(office: Office) -> None:
    """Forget what earlier work wrote down."""
    office.kept.unlink(missing_ok=True)


def supervisor_kills(office: Office, times: int, chance: random.Random) -> Row:
    """The supervisor is killed at random moments of one job; each next one adopts it."""
    fresh(office)
    total = 25 * times
    job = office.submit("once", steps=total, pause=0.04, name="kills")
    for _ in range(times):
        office.supervise("--idle-exit=30")
        time.sleep(chance.uniform(0.05, 1.2))
        office.kill_supervisor()
    office.supervise("--idle-exit=30")
    done = office.wait_for(job, ended, 600)
    office.kill_supervisor()
    doubled = [step for step, count in Counter(steps_of(office)).items() if count > 1]
    wrong = (done.state, done.attempt) != ("done", 1) or steps_of(office) != [str(n) for n in range(total)]
    told = f"{total} steps, {len(doubled)} done twice; state {done.state} after {done.attempt} attempt"
    return row("supervisor killed while a job runs", times, int(wrong) * max(1, len(doubled)), told)


def all_at_once(office: Office, times: int, chance: random.Random) -> Row:
    """Supervisor and worker are killed together; the work goes on where it was when it is asked for again."""
    wrong = 0
    for n in range(times):
        fresh(office)
        job = office.submit("once", steps=STEPS, pause=0.03, name=f"all {n}")
        office.supervise("--idle-exit=30")
        running = office.wait_for(job, lambda now: now.state == "running" and now.pid is not None, 60)
        time.sleep(chance.uniform(0.0, 1.0))
        for process in (office.supervisors[-1].pid, running.pid):
            os.kill(process or 0, signal.SIGKILL)
        office.kill_supervisor()
        reached = len(steps_of(office))
        office.supervise("--idle-exit=30")
        first = office.wait_for(job, ended, 60)
        again = office.submit("once", steps=STEPS, pause=0.0, name=f"all {n}")
        second = office.wait_for(again, ended, 60) if again.id != job.id else first
        office.kill_supervisor()
        told = first.state == "done" or "try again to continue" in (first.error or "")
        whole = steps_of(office) == [str(step) for step in range(STEPS)]
        wrong += not (told and whole and second.state == "done" and reached <= STEPS)
    return row(
        "supervisor and worker killed at once", times, wrong, "every job continued after its last step"
    )


def machine_restarts(office: Office, times: int) -> Row:
    """Everything is killed and the table says another boot, as after a power cut."""
    wrong = 0
    for n in range(times):
        fresh(office)
        job = office.submit("once", steps=STEPS, pause=0.03, name=f"boot {n}")
        office.supervise("--idle-exit=30")
        running = office.wait_for(job, lambda now: now.done >= 3, 60)
        office.kill_supervisor()
        os.kill(running.pid or 0, signal.SIGKILL)
        with closing(sqlite3.connect(office.table.path)) as connection, connection:
            values = ["an earlier boot", running.boot_id, "an earlier boot", job.id]
            change = (
                "UPDATE jobs SET boot_id = ?, handle = replace(handle, ?, ?), beat = beat + 1e6 WHERE id = ?"
            )
            connection.execute(change, values)
        office.supervise("--idle-exit=30")
        done = office.wait_for(job, ended, 60)
        office.kill_supervisor()
        whole = steps_of(office) == [str(step) for step in range(STEPS)]
        wrong += (done.state, done.attempt) != ("done", 2) or not whole
    return row("machine restarted under a job", times, wrong, "tried again by itself, from its last step")


def server_kills(office: Office, times: int) -> Row:
    """The dashboard itself is killed while a job runs, and started again; the job goes on and is listed."""
    wrong, port = 0, 8789
    environment = os.environ | {"INFLUENCE_STORE": str(office.store)}
    command = [sys.executable, "-m", "streamlit", "run", str(SOURCE_ROOT / "app" / "main.py")]
    for n in range(times):
        fresh(office)
        options = [f"--server.port={port}", "--server.headless=true"]
        server = subprocess.Popen(
            [*command, *options], env=environment, start_new_session=True, stdout=subprocess.DEVNULL
        )
        job = office.submit("once", steps=100, pause=0.05, name=f"server {n}")
        office.supervise("--idle-exit=30")
        running = office.wait_for(job, lambda now: now.done >= 3, 120)
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        alive = running.worker is not None and is_alive(running.worker)
        done = office.wait_for(job, ended, 120)
        office.kill_supervisor()
        listed = any(found.id == job.id for found in office.table.list(5))
        wrong += not (alive and listed and done.state == "done" and len(steps_of(office)) == 100)
    return row("dashboard killed while a job runs", times, wrong, "the job went on and was listed")
