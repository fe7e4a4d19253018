"""Findings as tables and in words: names as published, what is missing, files to take along, the README's part."""

import csv
import json
import shutil
from io import StringIO

import pytest

from core import findings, paper, tables, wording
from core.documents import docs_studies
from core.findings import estimate
from core.studies.deletion import Deletion
from core.studies.detectors import Detectors
from core.studies.sensitivity import Sensitivity

STUDIES = paper.studies()
FOUND = {"precision": 0.6, "precision_in_target_label": 0.8, "true_positive_rate": 0.99}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes one record of a study into the shipped folder of this test, through the real writer."""
    monkeypatch.setattr(paper, "FOLDER", tmp_path / "shipped")

    def written(cell, figures=None, *, seed=0, scale="cpu", **told):
        study, setting, row = cell.split("/", 2)
        record = {"row": row, "seed": seed, "run": "0123456789ab", "date": f"2026-11-2{seed}"}
        record |= {"hardware": "a machine", "threads": 1, "wall_seconds": 2.0 + seed}
        record |= told or {"figures": figures or FOUND}
        paper.write(paper.place(scale, study, setting, paper.FOLDER), record)

    return written


def found(study=None, scale="cpu"):
    return findings.findings(study or Detectors(), scale)


def test_shares_are_told_in_per_cent_and_counts_as_they_are():
    assert wording.in_figures("precision", 0.1764) == "17.6 %"
    assert wording.in_figures("precision", 1.0) == "100 %"
    assert wording.in_figures("precision", None) == "–"
    assert wording.in_figures("flagged", 1204.0) == "1,204"
    assert wording.in_figures("seconds", 48.23) == "48.2"


def test_a_spread_is_an_interval_a_range_or_nothing_and_never_beyond_what_a_share_can_be():
    assert wording.spread("precision", estimate([0.5])) is None
    assert wording.spread("precision", estimate([0.5, 0.6])) == (0.5, 0.6)
    low, high = wording.spread("precision", estimate([0.9, 0.99, 1.0]))
    assert 0.8 < low < 0.9 and high == 1.0
    assert wording.spread("seconds", estimate([9.0, 11.0, 10.0]))[1] > 11
    assert wording.spread_in_figures("precision", estimate([0.51, 0.6])) == "(51–60)"
    assert wording.spread_in_figures("precision", estimate([0.012, 0.021])) == "(1.2–2.1)"


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_row_and_figure_of_a_study_has_a_name_of_its_own(study):
    titles = [wording.full_title(study.name, row) for row in study.rows()]
    assert len(set(titles)) == len(titles)
    assert not [title for title in titles if "_" in title]
    assert set(study.figures) <= set(wording.FIGURES)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
@pytest.mark.parametrize("scale", ["cpu", "full"])
def test_every_setting_of_a_study_is_in_its_table(study, scale):
    shown = tables.settings_of(study, scale)
    assert set(study.published) <= set(shown)
    assert {cell.setting for cell in paper.cells(scale, f"{study.name}/*")} <= set(shown)
    assert len(set(shown)) == len(shown)
    assert not [s for s in shown if "_" in wording.setting_title(s)]


def test_precision_is_never_shown_without_precision_in_the_target_label():
    for study in STUDIES:
        for figure in tables.choices(study):
            shown = tables.columns(study, [figure])
            assert shown[0] == figure
            if figure in ("precision", "average_precision"):
                assert shown[1] == f"{figure}_in_target_label"


def test_a_table_has_every_row_measured_or_not(write):
    write("detectors/cifar10-badnet/delta_influence")
    rows = tables.rows_of(found(), "cifar10-badnet")
    assert [row.name for row in rows] == list(Detectors().rows())
    assert [row.name for row in rows if row.ours] == ["delta_influence"]
    assert rows[0].published["precision"] == pytest.approx(0.036)


def test_coverage_tells_measured_failed_and_missing_cells_apart(write):
    write("detectors/cifar10-badnet/delta_influence")
    write("detectors/cifar10-badnet/scrub", failed="an old row that the study no longer has")
    write("detectors/digits-badnet/spectral_signatures", failed="not judged: the attack did not work")
    known = tables.coverage(found())
    assert known.cells == len(paper.cells("cpu", "detectors/*"))
    assert known.measured == 1
    assert known.failed == ("detectors/digits-badnet/spectral_signatures",)
    assert len(known.missing) == known.cells - 2
    assert tables.lacking(found(), 1) == known.cells - 2
    assert tables.lacking(found(), 3) == 3 * known.cells - 2


def test_sweeps_are_drawn_as_grids_of_their_steps():
    assert {study.name for study in STUDIES if tables.swept(study)} == {"deletion", "sensitivity"}
    grids = tables.grids(Sensitivity())
    assert grids["0", "1", "2", "3"] == ["0", "-1", "-5", "-10", "-100"]
    assert tables.grids(Deletion())[("",)] == ["none"]
    assert wording.full_title("sensitivity", "-10/2") == "threshold −10, tolerance 2"
    assert wording.full_title("deletion", "scrub/30") == "SCRUB, 30 % known"
    assert wording.full_title("several", "influence_mean/1") == "EK-FAC, 1 test image"


def test_the_csv_holds_every_figure_ours_and_published(write):
    for seed, precision in enumerate((0.5, 0.7)):
        write("detectors/cifar10-badnet/delta_influence", FOUND | {"precision": precision}, seed=seed)
    rows = list(csv.DictReader(StringIO(tables.as_csv(found()).decode())))
    [row] = (
        r for r in rows if r["row"] == "delta_influence" and r["seeds"] == "2" and r["figure"] == "precision"
    )
    assert (row["mean"], row["values"], row["published"]) == ("0.6", "0.5 0.7", "0.176")
    assert [
        r["published"] for r in rows if r["setting"] == "cifar100-smooth" and r["row"] == "delta_influence"
    ]


def test_the_json_holds_the_records_and_the_command(write):
    write("detectors/cifar10-badnet/delta_influence", failed="no luck")
    told = json.loads(tables.as_json(found()))
    assert told["records"]["cifar10-badnet"][0]["failed"] == "no luck"
    assert told["command"] == "python -m core bench paper --cells 'detectors/*' --seeds 3 --scale cpu"
    assert [claim["state"] for claim in told["claims"]] == ["unknown", "unknown"]


def test_provenance_has_one_line_per_setting_and_seed(write):
    for row in ("delta_influence", "influence_threshold"):
        write(f"detectors/cifar10-badnet/{row}")
    write("detectors/cifar10-badnet/delta_influence", seed=1)
    first, second = tables.provenance(found())
    assert (first["cells"], first["seconds"], first["run"]) == (2, 4.0, "0123456789ab")
    assert (second["seed"], second["date"]) == (1, "2026-11-21")
    assert tables.typical_seconds(found()) == (2.0, 3.0)
    assert tables.seeds(found()) == (1, 2)


def test_the_readme_says_so_where_nothing_has_been_measured(tmp_path):
    assert docs_studies.studies(tmp_path / "nothing") == ["Nothing has been measured yet."]


def test_the_readme_shows_the_larger_scale_and_what_was_not_judged(write):
    write("detectors/cifar10-badnet/delta_influence")
    write("detectors/cifar10-badnet/delta_influence", FOUND | {"precision": 0.2}, scale="full")
    write(
        "detectors/cifar10-badnet/influence_threshold",
        {"precision": 0.1, "true_positive_rate": 0.9},
        scale="full",
    )
    write("detectors/digits-badnet/delta_influence", failed="not judged: poison success 0.2 is below 0.9")
    told = docs_studies.studies()
    [line] = (line for line in told if line.startswith("| CIFAR-10 · BadNet"))
    assert line.startswith("| CIFAR-10 · BadNet, full size | 1 |")
    assert "20 · 80 · 99 (18 · 99)" in line
    assert "Not judged, since the attack did not work: Handwritten digits · BadNet, small." in told
    assert any("equal or better true positive rate (full size 1 of 1)" in line for line in told)
    assert "a machine, 1 thread" in told[-1]


def test_the_readmes_part_stays_short_however_much_is_measured(write):
    for study in STUDIES:
        for cell in (c for scale in ("cpu", "full") for c in paper.cells(scale, f"{study.name}/*/*")):
            if cell.study.name in docs_studies.SHOWN:
                write(cell.id)
    assert len(docs_studies.studies()) <= 65


def test_a_background_job_measures_what_is_missing_into_the_users_own_results(
    tiny_toml, tiny_root, store_root, tmp_path, monkeypatch
):
    (tmp_path / "presets" / "cpu").mkdir(parents=True)
    tiny_toml.rename(tmp_path / "presets" / "cpu" / "digits-badnet.toml")
    monkeypatch.setattr(paper, "PRESETS", tmp_path / "presets")
    monkeypatch.setattr(paper, "FOLDER", tmp_path / "shipped")
    shutil.copytree(tiny_root, store_root)
    paper.run_job({"scale": "cpu", "cells": "detectors/*/delta_influence", "seeds": [0]})
    [row] = (r for r in found().settings["digits-badnet"] if r.ours)
    assert row.name == "delta_influence" and row.ours["true_positive_rate"].mean > 0.9
    assert not (tmp_path / "shipped").exists()
