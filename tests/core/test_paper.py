"""Cells of the papers' tables: each has a name, is measured once, and says in words when it cannot be."""

import json
from typing import ClassVar

import numpy as np
import pytest

from core import paper, paths, registry, runs
from core import truth as truths
from core.experiment import Experiment
from core.studies.base import Study
from core.studies.detectors import Detectors, Retrained
from core.studies.laboratory.lab import Lab

SCALES = ("cpu", "full")
PRESETS = [(scale, setting) for scale in SCALES for setting in paper.settings(scale)]


@pytest.fixture
def lab(tiny) -> Lab:
    """The tiny investigation, finished, as a lab."""
    return Lab(tiny.experiment, tiny.dataset.store)


@pytest.fixture
def one_setting(tiny_toml, tiny_root, tmp_path, monkeypatch):
    """A folder of presets with the tiny experiment as the only setting of the CPU scale."""
    (tmp_path / "presets" / "cpu").mkdir(parents=True)
    tiny_toml.rename(tmp_path / "presets" / "cpu" / "digits-badnet.toml")
    monkeypatch.setattr(paper, "PRESETS", tmp_path / "presets")
    return tmp_path / "out"


def measured(pattern: str, root, out) -> dict[str, dict]:
    return {cell.id: record for cell, record in paper.measure("cpu", pattern, [0], root, out)}


@pytest.mark.parametrize(("scale", "setting"), PRESETS)
def test_every_preset_of_the_tables_is_a_valid_experiment_of_the_attack_in_its_name(scale, setting):
    x = Experiment.from_toml(f"paper/{scale}/{setting}")
    assert x.attack.name == paper.attack_of(setting)
    assert {d.name for d in x.detectors} >= {"delta_influence", "influence_threshold", "relative_collapse"}


@pytest.mark.parametrize("path", sorted(paths.EXPERIMENTS.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_preset_flags_and_forgets_with_the_contrast_first_and_the_papers_rule_beside_it(path):
    x = Experiment.from_toml(path)
    assert [d.name for d in x.detectors][:2] == ["contrast", "delta_influence"]
    assert x.unlearn_after[0] == "contrast" and {*x.unlearn_after} <= {"contrast", "delta_influence"}


def test_training_again_without_removing_anything_gives_another_model_of_the_same_data(lab):
    again, rows = lab.trained_again(), Retrained().rows()
    assert again.inputs == lab.plan.victim.inputs
    assert not np.array_equal(again.value.loss, lab.plan.victim.value.loss)
    figures = rows["nothing"](lab)
    assert figures["forgotten"] == 0 and 0 <= figures["poison_success_rate"] <= 1


@pytest.mark.parametrize("scale", SCALES)
def test_every_study_has_a_setting_at_every_scale_and_every_attack_of_it_a_preset(scale):
    attacks = {paper.attack_of(setting) for setting in paper.settings(scale)}
    for study in paper.studies():
        assert set(study.attacks) & attacks, study.name


def test_published_figures_belong_to_rows_that_are_measured():
    for study in paper.studies():
        for setting, rows in study.published.items():
            assert paper.attack_of(setting) in study.attacks
            assert set(rows) <= set(study.rows())
            assert all(0 <= value <= 1 for figures in rows.values() for value in figures.values())


def test_the_published_table_1_reads_as_printed():
    cell = Detectors.published["cifar100-badnet"]["delta_influence"]
    assert cell == {"precision": pytest.approx(0.373), "true_positive_rate": pytest.approx(0.969)}


def test_cells_are_named_uniquely_and_chosen_by_pattern():
    names = [cell.id for cell in paper.cells("full")]
    assert len(set(names)) == len(names)
    assert "detectors/cifar10-badnet/delta_influence" in names
    assert {c.setting for c in paper.cells("full", "*/cifar100-smooth/*")} == {"cifar100-smooth"}


def test_a_pattern_that_matches_nothing_is_an_error_with_an_example():
    with pytest.raises(ValueError, match=r"--cells nosuch\*: matches none of the \d+ cells; names look like"):
        paper.cells("cpu", "nosuch*")


def test_cells_of_the_tiny_case_are_measured_once(one_setting, tiny_root):
    first = measured("detectors/*/*influence*", tiny_root, one_setting)
    assert set(first) == {f"detectors/digits-badnet/{n}" for n in ("delta_influence", "influence_threshold")}
    assert first["detectors/digits-badnet/delta_influence"]["figures"]["true_positive_rate"] > 0.9
    assert measured("detectors/*/*influence*", tiny_root, one_setting) == {}
    assert len(paper.read("cpu", "detectors", "digits-badnet", one_setting)) == 2


def test_a_cell_agrees_with_the_run_it_belongs_to(lab, tiny):
    row = Detectors().rows()["delta_influence"]
    assert row(lab) == runs.grades(tiny)["delta_influence"]


def test_changed_settings_make_a_record_stale(one_setting, tiny_root):
    measured("detectors/*/delta_influence", tiny_root, one_setting)
    preset = paper.PRESETS / "cpu" / "digits-badnet.toml"
    preset.write_text(preset.read_text().replace("tolerance = 1", "tolerance = 2"))
    again = measured("detectors/*/delta_influence", tiny_root, one_setting)
    assert len(again) == 1
    records = paper.read("cpu", "detectors", "digits-badnet", one_setting)
    assert [r["run"] for r in records] == [next(iter(again.values()))["run"]]


def test_no_detector_is_judged_on_an_attack_that_did_not_work(one_setting, tiny_root):
    preset = paper.PRESETS / "cpu" / "digits-badnet.toml"
    preset.write_text(preset.read_text().replace("n_poisons = 25", "n_poisons = 1"))
    record = measured("detectors/*/delta_influence", tiny_root, one_setting)
    assert "figures" not in (told := next(iter(record.values())))
    assert "poison success" in told["failed"]


def test_a_study_that_cannot_be_measured_says_why(lab):
    def impossible(lab: Lab) -> dict:
        raise ValueError("nothing is flagged")

    class Impossible(Study):
        name: ClassVar[str] = "impossible"
        title: ClassVar[str] = "Impossible"
        source: ClassVar[str] = ""
        about: ClassVar[str] = ""
        order: ClassVar[int] = 0
        figures: ClassVar[tuple[str, ...]] = ("x",)

        def rows(self):
            return {"row": impossible}

    told = paper._one(paper.Cell(Impossible(), "digits-badnet", "row", impossible), lab)
    assert told["failed"] == "nothing is flagged" and "figures" not in told


def test_two_writers_do_not_lose_each_others_records(tmp_path):
    path = paper.place("cpu", "detectors", "digits-badnet", tmp_path)
    for row in ("a", "b", "a"):
        paper.write(path, {"row": row, "seed": 0, "figures": {"x": 1.0}})
    assert [r["row"] for r in json.loads(path.read_text())] == ["b", "a"]
    assert list(path.parent.iterdir()) == [path]


def test_a_share_of_the_poisons_is_part_of_every_larger_share(lab, tiny):
    few, more = (np.flatnonzero(lab.some_poisons(share).value.flagged) for share in (0.2, 0.6))
    assert len(few) == 5 and len(more) == 15 and set(few) < set(more) < set(tiny.poisoning.value.indices)
    with pytest.raises(ValueError, match=r"share=0: expected a share in \(0, 1\]"):
        _ = lab.some_poisons(0).value


def test_found_and_missed_poisons_are_all_poisons(lab, tiny):
    found = lab.detection("delta_influence", threshold=-5.0)
    missed = np.flatnonzero(lab.missed_poisons(found).value.flagged)
    hits = np.flatnonzero(found.value.flagged & truths.required(tiny).poisoned)
    assert sorted([*missed, *hits]) == tiny.poisoning.value.indices.tolist()


def test_studies_come_in_a_fixed_order_with_distinct_places():
    order = [study.order for study in paper.studies()]
    assert order == sorted(set(order)) and len(order) == len(registry.members("studies"))


def test_shipped_records_name_a_row_of_their_study_and_say_where_they_come_from():
    rows = {study.name: set(study.rows()) for study in paper.studies()}
    for file in sorted(paper.FOLDER.glob("*/*/*.json")):
        for record in json.loads(file.read_text()):
            assert record["row"] in rows[file.parent.name], file
            assert {"seed", "run", "date", "hardware", "threads", "wall_seconds"} <= set(record)
            assert ("figures" in record) != ("failed" in record)
