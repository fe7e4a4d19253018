"""Does a bundle open elsewhere as what it was?"""

import json
import shutil
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from core import cases, runs
from core.__main__ import main
from core.bundles import bundle, bundle_layout, bundle_notes
from core.bundles.bundle import BundleRefused
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.review.verdicts import Verdicts
from core.store import Store
from core.unlearned import outcome_jobs, outcomes


def test_a_bundle_opens_in_an_empty_store_as_the_same_case(case, made, elsewhere, home):
    opened = bundle.open_bundle(made, elsewhere)
    found = cases.find(opened.runs[0].id, elsewhere)
    assert found and found.run == case.run and found.unfinished == []
    assert runs.state(found.plan) == "complete"
    for rule in (Contrast(), DeltaInfluence(tolerance=1)):
        here, there = verdict(case.plan, rule), verdict(found.plan, rule)
        assert np.array_equal(here.flagged, there.flagged) and np.array_equal(here.suspicion, there.suspicion)
    before, after = cases.outcomes(case, home), cases.outcomes(found, elsewhere)
    assert [o.report.test_accuracy for o in before] == [o.report.test_accuracy for o in after] != []


def test_it_leaves_out_what_no_page_shows_and_the_store_is_clean_afterwards(made, elsewhere, files, home):
    assert (home.root / "fit_factors").exists()
    assert not [name for name in files if name.startswith(("fit_factors", "extract_features"))]
    bundle.open_bundle(made, elsewhere)
    assert not list(elsewhere.root.glob("arriving*"))


def test_verdicts_and_views_come_along_once_with_what_was_undone(made, elsewhere, case, home):
    assert bundle.open_bundle(made, elsewhere).notes == 5
    assert bundle.open_bundle(made, elsewhere).notes == 0
    said, here = (Verdicts(s.root, case.id, 300).read() for s in (elsewhere, home))
    assert said.standing("ann") == here.standing("ann") == {3: "poison", 4: "poison"}
    assert said.reasons("ann") == {3: "a square", 4: "a square"}


def test_notes_stay_at_home_when_asked(case, tmp_path):
    inside = bundle.contents(case, notes=False)
    assert "casebook.json" not in inside.texts
    assert inside.digest != bundle.contents(case).digest


def test_what_is_there_already_is_kept_and_never_overwritten(made, elsewhere):
    first = bundle.open_bundle(made, elsewhere)
    stamp = {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in elsewhere.root.rglob("*.npy")}
    second = bundle.open_bundle(made, elsewhere)
    assert (second.added, second.kept) == (0, first.added)
    assert stamp == {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in elsewhere.root.rglob("*.npy")}


def test_the_size_is_known_before_and_the_bundle_is_no_larger(case, made, files):
    inside = bundle.contents(case)
    assert inside.bytes == sum(len(c) for n, c in files.items() if n != "manifest.json")
    assert made.stat().st_size < inside.bytes + 200 * len(files) + 2**16


def test_unlearning_that_was_asked_for_later_comes_along(case, home, tmp_path, elsewhere):
    store = Store(tmp_path / "copy", computes=False)
    shutil.copytree(home.root, store.root)
    copy = cases.all_cases(store)[0]
    asked = outcomes.of_plan(copy.plan)[0]
    outcome_jobs.note(copy.plan, asked)
    bundle.open_bundle(bundle.make(bundle.contents(copy), tmp_path / "b.zip"), elsewhere)
    found = cases.all_cases(elsewhere)[0]
    assert outcome_jobs.noted(found.plan) == [asked]


def test_an_interrupted_making_leaves_nothing(case, tmp_path, monkeypatch):
    inside = bundle.contents(case)
    broken = bundle.Contents(inside.case, inside.files | {"x": tmp_path / "gone"}, inside.texts)
    target = tmp_path / "out" / "case.zip"
    with pytest.raises(FileNotFoundError):
        bundle.make(broken, target)
    with pytest.raises(FileNotFoundError):
        _ = broken.bytes
    assert not target.exists()


def test_a_blind_or_unfinished_case_is_not_bundled(case, make_experiment, tmp_path):
    with pytest.raises(BundleRefused, match="contains the truth"):
        bundle.contents(replace(case, sealed=True))
    store = Store(tmp_path / "s")
    runs.record(make_experiment(), store)
    with pytest.raises(BundleRefused, match="still to be computed"):
        bundle.contents(cases.all_cases(store)[0])


def test_two_who_open_the_same_bundle_at_once_do_not_disturb_each_other(made, elsewhere):
    failures = []

    def go():
        try:
            bundle.open_bundle(made, elsewhere)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    assert runs.state(cases.all_cases(elsewhere)[0].plan) == "complete"


def test_every_stage_inside_has_files_that_the_door_knows():
    for name, stage in bundle_layout.STAGES.items():
        for file in bundle_layout.file_names(stage.returns):
            bundle_layout.check_name(f"{name}/{'0' * 32}/{file}")


def test_an_archive_full_of_notes_is_taken_in_within_seconds(tmp_path):
    said = {"case_id": "a", "image": 0, "reviewer": "ann", "verdict": "keep", "reason": "", "undoes": None}
    view = {"case_id": "a", "page": "x", "name": "n", "address": "{}", "starred": 0, "created": 1}
    rows = {
        "verdicts": [said | {"id": n, "at": n} for n in range(20_000)],
        "saved_views": [view | {"name": f"{n}"} for n in range(20_000)],
    }
    began = time.perf_counter()
    assert bundle_notes.add(tmp_path, rows) == 40_000
    assert bundle_notes.add(tmp_path, rows) == 0
    assert (
        time.perf_counter() - began < 15
    )  # looked up one by one it took most of a minute, with the book locked


def test_where_people_sign_in_a_bundle_writes_nothing_in_anybodys_name(made, home, elsewhere, case):
    bundle.open_bundle(made, elsewhere, marks=True)
    found = Verdicts(elsewhere.root, case.id, 300).read()
    assert found.reviewers == ("ann (from bundle)",) and found.standing("ann (from bundle)")


def test_rows_are_checked_as_the_pages_write_them(case, home):
    told = bundle_notes.collected(home.root, [case.id])
    assert bundle_notes.checked(json.loads(json.dumps(told)), {case.id: 300}) == told


@pytest.fixture
def command(capsys):
    """Runs a command in this process, which must succeed: what it prints."""

    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as end:
            main(list(words))
        assert not end.value.code
        return "".join(capsys.readouterr())

    return run


def test_the_commands_hand_a_case_over_and_write_its_report(home, case, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    assert "with the truth inside" in command("bundle", case.id, "--out", "c.zip", "--store", str(home.root))
    assert case.id in command("open", "c.zip", "--store", "there")
    written = command("report", case.id, "--store", "there", "--with", "margin=-1", "--author", "Ann")
    assert b"Ann" in (tmp_path / written.strip()).read_bytes()


def test_a_refused_bundle_is_one_line_of_error(tmp_path, capsys):
    (tmp_path / "bad.zip").write_bytes(b"PK")
    with pytest.raises(SystemExit) as end:
        main(["open", str(tmp_path / "bad.zip"), "--store", str(tmp_path / "there")])
    assert end.value.code == 1 and capsys.readouterr().err.startswith("error:")


def test_a_case_that_is_not_here_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["report", "0" * 12, "--store", str(tmp_path / "there")])
    assert "case=000000000000" in capsys.readouterr().err
