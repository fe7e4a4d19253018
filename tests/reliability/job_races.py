"""Rounds that race, cancel and damage: claims, supervisors and requests at once, cancelled jobs, flipped bits."""

import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing

from job_kills import Row, ended, fresh
from office import Office, wait_until
from record import row

from core.jobs import Job, JobsUnavailable, orders
from core.jobs.launch import is_supervised
from core.jobs.schema import digest_of


def claim_race(office: Office, claimers: int, count: int) -> Row:
    """Many processes claim from one table."""
    expected = [office.submit("count", number=n).id for n in range(count)]
    program = (
        "import sys; from core.jobs import JobTable; jobs = JobTable(sys.argv[1])\n"
        "while job := jobs.claim(): print(job.id)"
    )
    began = time.monotonic()
    command = [sys.executable, "-c", program, str(office.table.path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(claimers)]
    claimed = [int(line) for process in running for line in process.communicate()[0].split()]
    took = time.monotonic() - began
    wrong = len(set(expected) ^ set(claimed)) + len(claimed) - len(set(claimed))
    for number in expected:
        office.table.finish(number, "done")
    return row(f"jobs claimed by {claimers} processes at once", count, wrong, f"{took:.1f} s")


def one_of_many(office: Office, times: int) -> Row:
    """Supervisors are started together; all but one must leave."""
    wrong = 0
    for _ in range(times):
        started = [office.supervise("--idle-exit=2.5") for _ in range(2)]
        wait_until(lambda: is_supervised(office.store), 30)
        wait_until(lambda now=started: sum(process.poll() is not None for process in now) >= 1, 30)
        wrong += sum(process.poll() is None for process in started) != 1
        office.kill_supervisor()
        office.supervisors.clear()
    return row("two supervisors started at once", times, wrong, "one stays")


def same_work(office: Office, times: int, processes: int = 20) -> Row:
    """Many processes ask for the same work at once."""
    wrong = 0
    program = (
        "import sys; from core import jobs; print(jobs.table(sys.argv[1]).submit('run', sys.argv[2], '').id)"
    )
    for n in range(times):
        command = [sys.executable, "-c", program, str(office.store), json.dumps({"same": n})]
        asking = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]
        made = {process.communicate()[0].strip() for process in asking}
        wrong += len(made) != 1
        office.table.request_cancel(int(min(made)))
    return row(f"same work asked for by {processes} processes at once", times, wrong, "one job each time")


def cancels(office: Office, times: int, kind: str, chance: random.Random) -> tuple[Row, dict[str, float]]:
    """Running jobs are cancelled; nothing of them may be left, and the seconds are measured."""
    took, left = [], 0
    office.supervise("--idle-exit=60", "--cpu=1", "--grace=1")
    for n in range(times):
        fresh(office)
        job = office.submit(kind, steps=100_000, pause=0.02, tag=f"{os.getpid()}{n}", name=f"{kind} {n}")
        office.wait_for(job, lambda now: now.state == "running" and office.kept.exists(), 60)
        time.sleep(chance.uniform(0.2, 0.6))
        began = time.monotonic()
        office.table.request_cancel(job.id)
        done = office.wait_for(job, ended, 60)
        took.append(time.monotonic() - began)
        try:
            wait_until(lambda: not office.processes(), 5)
        except AssertionError:
            left += 1
        left += done.state != "cancelled"
    office.kill_supervisor()
    figures = {"median_s": round(statistics.median(took), 2), "longest_s": round(max(took), 2)}
    told = f"median {figures['median_s']} s, longest {figures['longest_s']} s until it has ended; no process left"
    return row(f"cancelled: {kind}", times, left, told), figures


def damages(office: Office, times: int, chance: random.Random) -> Row:
    """Bits of the table are flipped, or its end is cut; what is computed must never change without a word."""
    for n in range(60):
        office.submit("count", number=n, words="x" * 300)
    with closing(sqlite3.connect(office.table.path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = office.table.path
    whole, truth = path.read_bytes(), {job.id: job for job in office.table.list(10_000)}
    counts: Counter[str] = Counter()
    for n in range(times):
        hurt = bytearray(whole)
        if n % 4:
            for _ in range(chance.choice([1, 1, 8])):
                hurt[chance.randrange(len(hurt))] ^= 1 << chance.randrange(8)
        else:
            hurt = hurt[: chance.randrange(len(hurt))]
        path.write_bytes(hurt)
        for companion in ("-wal", "-shm"):
            path.with_name(path.name + companion).unlink(missing_ok=True)
        counts[_what_became(office, truth)] += 1
    path.write_bytes(whole)
    told = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    return row("bits of the job table flipped, or its end cut", times, counts["wrong work"], told)


def _what_became(office: Office, truth: dict[int, Job]) -> str:
    """What somebody who opens the table meets."""
    try:
        office.table.check()
        found = office.table.list(10_000)
    except JobsUnavailable:
        repaired = orders.repair_file(office.table.path)
        found = office.table.list(10_000) if repaired else ()
        if any(_differs(job, truth) for job in found):
            return "wrong work"
        return "refused and repaired" if repaired else "refused"
    if any(_differs(job, truth) for job in found):
        return "wrong work"
    if any(is_refused(job) for job in found):
        return "read, and refused by the worker"
    same = len(found) == len(truth) and all(truth[job.id] == job for job in found)
    return "without effect" if same else "changed a title, a time or a state unseen"


def _differs(job: Job, truth: dict[int, Job]) -> bool:
    """Whether this job would compute something that nobody asked for; a worker compares the digest."""
    return not is_refused(job) and job.spec not in {known.spec for known in truth.values()}


def is_refused(job: Job) -> bool:
    """Whether its worker would say that what was asked for does not match its digest."""
    try:
        return digest_of(job.kind, job.spec) != job.digest
    except ValueError:
        return True
