"""The pages of a case that could not be computed, or whose images changed: what happened, and what to try."""

import json

from reliability import changing, unsound

from app import changed_images
from core import jobs, runs
from core.jobs import JobTable
from core.jobs.launch import table_file

FOOLED = "AttackFailed: poison success 0 of 12: the victim is not fooled; raise attack.n_poisons or training.epochs"


def failed(x, error: str, **options) -> None:
    """A job of this experiment that has ended so, in the table of this test's store."""
    root = runs.open_store().root
    table, spec = JobTable(table_file(root)), {"experiment": x.model_dump(mode="json"), "options": options}
    table.submit("run", json.dumps(spec), x.title)
    job = table.claim()
    assert job is not None
    table.finish(job.id, "failed", error)


def test_a_case_whose_attack_failed_says_so_and_what_to_raise(visit, make_experiment):
    x = make_experiment(title="nobody fooled", attack={"n_poisons": 1})
    run = runs.record(x, runs.open_store())
    failed(x, FOOLED)
    at = visit("investigate", case=run.id)
    told = "\n".join(error.value for error in at.error).replace("\\", "")
    assert "It stopped. poison success 0 of 12" in told and "raise attack.n_poisons" in told
    assert "Go on computing" in [button.label for button in at.button]


def test_a_job_for_a_missing_gpu_can_be_run_on_the_cpu_from_its_case(
    visit, make_experiment, monkeypatch, tmp_path
):
    elsewhere = str(tmp_path / "elsewhere")
    x = make_experiment(title="on a gpu")
    run = runs.record(x, runs.open_store())
    failed(x, "NoCuda: device=cuda: this machine offers no CUDA device", device="cuda", store=elsewhere)
    monkeypatch.setattr(jobs, "ensure_supervisor", lambda root: None)  # the job shall wait
    at = visit("investigate", case=run.id)
    at.button[[button.label for button in at.button].index("Run it on the CPU")].click().run()
    newest = jobs.table(runs.open_store().root).list(1)[0]
    options = json.loads(newest.spec)["options"]
    assert newest.is_live and (options["device"], options["store"]) == ("cpu", elsewhere)


def test_changed_images_are_told_on_the_pages_of_a_case_until_they_are_restored(visit, tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path))
    unsound.folder(tmp_path, "noise")
    x = runs.resolved(unsound.experiment())
    run = runs.record(x, runs.open_store())
    _ = runs.plan(x, runs.open_store()).dataset.value
    changing.add(tmp_path / "noise")
    told = [w.value for w in visit("investigate", case=run.id).warning]
    assert any("images of this case have changed since" in w for w in told)
    (tmp_path / "noise/a/new.png").unlink()
    assert not visit("investigate", case=run.id).warning
    changed_images.forget()
