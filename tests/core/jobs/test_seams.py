"""Where one process's jobs meet another's: sweeps, supervisors, stores, logs, and options that differ."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from reliability.office import Office, wait_until

from core import jobs, memory, paper, progress, runs
from core.jobs import Resources
from core.jobs.executors import opened
from core.jobs.launch import jobs_dir, supervisor_lock
from core.jobs.process import Identity, is_alive
from core.jobs.resources import devices
from core.jobs.watching import Rules, Supervisor
from core.sweep import Options, Sweep

CELLS = "detectors/digits-badnet/*"


@pytest.fixture
def held(tmp_path: Path):
    """A store whose jobs nobody starts."""
    jobs_dir(tmp_path).mkdir()
    with supervisor_lock(jobs_dir(tmp_path)):
        yield tmp_path


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "core", "jobs", *words], capture_output=True, text=True)


@pytest.mark.parametrize("less", [{"INFLUENCE_JOBS_CPU": "1"}, {"INFLUENCE_JOBS_GPU": "0"}])
def test_who_offers_less_than_the_machine_has_is_still_given_work(less, tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr("core.jobs.resources.usable_threads", lambda: 8)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    devices.cache_clear()
    for name, value in less.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("core.jobs.orders.ensure_supervisor", lambda root: None)
    job = jobs.submit(tmp_path, "run", "{}", "mine")
    devices.cache_clear()
    assert job.state == "queued" and (job.cpu == 1 or job.gpu == 0)


def test_a_job_looks_for_images_where_whoever_asks_does_though_another_started_the_supervisor(
    office: Office, tmp_path, monkeypatch
):
    (tmp_path / "modules" / "where.py").write_text(
        "from core import paths\nfrom pathlib import Path\n"
        "def where(spec): Path(spec['file']).write_text(str(paths.data_root()))\n"
    )
    monkeypatch.setattr("core.jobs.orders.check_kind", lambda kind: kind)
    (tmp_path / "of the second").mkdir()
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "of the first server"))
    office.supervise("--kind=where=where:where", "--idle-exit=20")
    wait_until(lambda: jobs.is_supervised(office.store))
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "of the second"))
    job = jobs.submit(office.store, "where", json.dumps({"file": str(office.kept)}), "x")
    assert office.wait_for(job, lambda now: not now.is_live).state == "done"
    assert office.kept.read_text() == str(tmp_path / "of the second")


def test_a_live_job_is_listed_however_many_came_after_it(held):
    table = jobs.table(held)
    table.submit("run", '{"n": -1}', "the one at work")
    table.claim()
    for n in range(60):
        table.finish(table.submit("run", json.dumps({"n": n}), "later").id, "done")
    assert "the one at work" in command("list", "--live", "--store", str(held)).stdout


def test_trying_again_what_is_still_being_stopped_is_refused_in_words(held):
    table = jobs.table(held)
    job = table.submit("run", "{}", "x")
    table.claim()
    table.request_cancel(job.id)
    done = command("retry", str(job.id), "--store", str(held))
    assert done.returncode and "still being stopped" in done.stderr


def test_a_followed_log_loses_no_line_to_a_slow_reader(held):
    table = jobs.table(held)
    job = table.submit("run", "{}", "x")
    table.claim()
    job.log.write_text("".join(f"line {n}\n" for n in range(30_000)))
    line = [sys.executable, "-m", "core", "jobs", "logs", str(job.id), "--follow", "--store", str(held)]
    reader = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    time.sleep(4)
    with job.log.open("a") as log:
        log.write("printed while nobody scrolled\n")
    threading.Timer(2, lambda: table.finish(job.id, "done")).start()
    assert "printed while nobody scrolled" in reader.communicate()[0]


def test_a_new_job_has_not_the_log_of_one_of_a_lost_table(held):
    table = jobs.table(held)
    table.submit("run", "{}", "ann's").log.write_text("ann's secret\n")
    table.path.unlink()
    assert jobs.table(held).submit("run", '{"of": "bob"}', "bob's").log_tail() == ""


def test_stopping_one_sweep_leaves_alone_what_only_another_asked_for(held):
    def sweep(seeds):
        return Sweep("cpu", CELLS, seeds, held, held / "out", Options(workers=1))

    large, small = sweep([0, 1]), sweep([0])
    asked = large.start()
    small.cancel(small.start())
    assert [job.state for job in large.look(asked).values()] == ["cancelled", "queued"]


def test_a_sweep_right_after_another_gets_the_threads_that_it_asks_for(tmp_path):
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor")

    def sweep(threads):
        return Sweep("cpu", CELLS, [0], tmp_path, tmp_path / "out", Options(workers=1, threads=threads))

    for one in (sweep(1), sweep(2)):
        asked = one.start()
        wait_until(lambda one=one, asked=asked: [j.state for j in one.look(asked).values()] != ["queued"])
        assert [job.state for job in one.look(asked).values()] == ["running"]
        one.cancel(asked)
        wait_until(lambda one=one, asked=asked: not any(j.is_live for j in one.look(asked).values()))


def test_a_worker_that_came_second_does_not_take_the_first_one_with_it(office: Office):
    def supervisor():
        rules = Rules(kinds={"count": "probes:count"})
        return Supervisor(office.store, [opened("local", office.table.path.parent, Resources(2))], rules)

    def worker(handle):
        return Identity.read(handle.name.partition("/")[2])

    job, first = office.submit("count", steps=300, pause=0.1), supervisor()
    told = ["-m", "core.jobs.worker", "--kind=count=probes:count", str(job.id)]
    slow = first._executors["local"].start(first.table.claim(first._places()), told)
    os.kill(
        worker(slow).pid, signal.SIGSTOP
    )  # it starts slowly, and its supervisor is killed before it wrote
    second = supervisor()
    second.tick(), second.tick()
    late = second._handles[job.id]
    os.kill(worker(late).pid, signal.SIGSTOP)
    seen = office.table.get(job.id)
    os.kill(worker(slow).pid, signal.SIGCONT)
    wait_until(lambda: office.table.get(job.id).pid == worker(slow).pid)
    os.kill(worker(late).pid, signal.SIGCONT)
    wait_until(lambda: not is_alive(worker(late)))
    second._watch(seen)
    assert office.table.get(job.id).state == "running" and is_alive(worker(slow))
    os.kill(worker(slow).pid, signal.SIGKILL)
    for one in (first, second):
        for child in [*one._executors["local"]._children.values()]:
            child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a mount of its own")
def test_another_store_of_the_same_path_on_another_disk_keeps_its_workers(tmp_path):
    code = """
import os, sys
from pathlib import Path
from reliability.office import Office, make_probes
os.environ["PYTHONPATH"] = make_probes(Path("modules"))
o = Office(Path("store"))
job = o.submit("count", steps=int(sys.argv[1]), pause=0.1)
o.supervise()
print(o.wait_for(job, lambda now: not now.is_live).state)
"""
    (tmp_path / "there").mkdir()
    inside = 'mount -t tmpfs none "$0" && cd "$0" && exec "$@"'
    line = ["unshare", "-m", "sh", "-c", inside, str(tmp_path / "there"), sys.executable, "-c", code]
    if subprocess.run([*line[:-3], "true"], capture_output=True).returncode:
        pytest.skip("may not mount")
    env = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    long = subprocess.Popen([*line, "80"], stdout=subprocess.PIPE, text=True, env=env)
    time.sleep(4)
    short = subprocess.run([*line, "2"], stdout=subprocess.PIPE, text=True, env=env)
    assert [short.stdout, long.communicate()[0]] == ["done\n", "done\n"]


def test_a_supervised_store_keeps_the_limit_per_owner_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_JOBS_RUNNING_PER_OWNER", "1")
    line = [sys.executable, "-m", "core", "jobs", "supervise", "--store", str(tmp_path)]
    process = subprocess.Popen(line)
    table = jobs.table(tmp_path)
    told = json.loads(wait_until(lambda: table.told("offer")))
    process.kill(), process.wait()
    assert told["running_per_owner"] == 1


def test_a_measuring_job_counts_the_cells_of_all_seeds(tmp_path):
    cells = paper.cells("cpu", CELLS)
    for cell in cells:  # the first seed was measured before
        run = runs.identifier(paper.experiment("cpu", cell.setting, 0))
        folder = paper.place("cpu", cell.study.name, cell.setting, tmp_path)
        paper.write(folder, {"row": cell.row, "seed": 0, "run": run, "figures": {}})

    class Sink:
        told = ()

        def stage(self, name): ...

        def update(self, phase, done, total):
            self.told = (done, total)
            raise progress.Cancelled

    sink = Sink()
    with progress.reporting(sink), suppress(progress.Cancelled):
        list(paper.measure("cpu", CELLS, [0, 1], tmp_path / "store", tmp_path))
    assert sink.told == (len(cells), 2 * len(cells))


def test_a_cell_for_which_memory_ran_out_may_be_measured_again():
    with pytest.raises(memory.OutOfMemory) as found, memory.explained("train"):
        raise MemoryError("no room")
    assert memory.passing(str(found.value)) and not memory.passing(
        "not judged: poison success 0.50 is below 0.9"
    )
