"""What measured cells say: means, whose record counts, which claims hold, how far we are from the paper."""

import json

import pytest
from scipy.special import stdtrit

from core import findings, paper
from core.studies.detectors import Detectors

FOUND = {"precision": 0.6, "precision_in_target_label": 0.8, "true_positive_rate": 0.99}


def write(folder, row, figures=None, *, seed=0, setting="cifar10-badnet", **told):
    """One record of the detectors' study at the CPU scale, through the real writer."""
    record = {"row": row, "seed": seed, "run": "0123456789ab", "date": "2026-11-22"}
    record |= {"hardware": "a machine", "threads": 1, "wall_seconds": 2.5}
    record |= told or {"figures": figures or FOUND}
    paper.write(paper.place("cpu", "detectors", setting, folder), record)


@pytest.fixture
def own(store_root):
    """The folder of the user's own measurements."""
    return store_root / "paper"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A folder of shipped measurements."""
    monkeypatch.setattr(paper, "FOLDER", tmp_path / "shipped")
    return tmp_path / "shipped"


@pytest.mark.parametrize("freedom", [1, 2, 5, 10, 11, 29, 400])
def test_the_quantile_is_students_without_scipy(freedom):
    assert findings.quantile(freedom) == pytest.approx(stdtrit(freedom, 0.975), abs=2e-4)


def test_the_interval_of_three_seeds_is_the_one_of_the_textbooks():
    found = findings.estimate([0.1, 0.2, 0.3])
    assert found.mean == pytest.approx(0.2)
    assert found.high - found.mean == pytest.approx(4.3027 * 0.1 / 3**0.5, abs=1e-4)
    assert findings.estimate([0.4]).low is None


def test_a_users_own_record_counts_before_the_shipped_one_of_the_same_row_and_seed(own, shipped):
    write(shipped, "delta_influence", FOUND)
    write(shipped, "delta_influence", FOUND | {"precision": 0.5}, seed=1)
    write(own, "delta_influence", FOUND | {"precision": 0.1})
    [row] = (r for r in findings.findings(Detectors(), "cpu").settings["cifar10-badnet"] if r.ours)
    assert row.ours["precision"].values == (0.1, 0.5)


def test_any_other_folder_stands_alone(own, shipped, tmp_path):
    write(shipped, "delta_influence")
    assert findings.findings(Detectors(), "cpu", tmp_path / "elsewhere").records == {}
    assert list(findings.findings(Detectors(), "cpu", shipped).records) == ["cifar10-badnet"]


def test_what_is_shipped_is_not_measured_again_for_a_user(own, shipped):
    write(shipped, "delta_influence")
    [cell] = paper.cells("cpu", "detectors/cifar10-badnet/delta_influence")
    assert paper.known("cpu", cell, 0, "0123456789ab", (shipped, own))
    assert not paper.known("cpu", cell, 0, "0123456789ab", (own.parent / "elsewhere",))


def test_a_damaged_result_file_is_named_with_what_to_do(own, shipped):
    write(own, "delta_influence")
    paper.place("cpu", "detectors", "cifar10-badnet", own).write_text("{ this is no JSON")
    with pytest.raises(ValueError, match=r"cifar10-badnet\.json: no result file .* measure again"):
        findings.findings(Detectors(), "cpu")


def test_a_claim_is_told_as_holding_partly_or_not_yet_known(shipped):
    def precise() -> findings.Told:
        return findings.claims(findings.findings(Detectors(), "cpu", shipped))[1]

    assert precise().state == "unknown"
    for setting, precision in (("cifar10-badnet", 0.1), ("digits-badnet", 0.9)):
        write(shipped, "delta_influence", setting=setting)
        write(shipped, "activation_clustering", {"precision": precision}, setting=setting)
    told = precise()
    assert (told.state, told.yes, told.no) == ("partly", ("cifar10-badnet",), ("digits-badnet",))
    assert told.sentence().endswith("holds in 1 of 2 settings (cifar10-badnet), not in digits-badnet.")
    assert told.sentence(str.upper).endswith("not in DIGITS-BADNET.")


def test_only_claims_that_can_be_told_are_put_into_words(shipped):
    assert findings.in_words(findings.findings(Detectors(), "cpu", shipped)) == []
    write(shipped, "delta_influence")
    write(shipped, "influence_threshold", {"precision": 0.9, "true_positive_rate": 0.5})
    told = findings.in_words(findings.findings(Detectors(), "cpu", shipped))
    assert len(told) == 2 and all("holds in none of 1 settings" in sentence for sentence in told)


def test_differences_name_the_furthest_first_and_leave_out_the_near_ones(shipped):
    near = {"precision": 0.03, "true_positive_rate": 0.9}  # published: 2.2 % and 94.9 %
    write(shipped, "activation_clustering", near)
    write(shipped, "influence_threshold", {"precision": 0.2, "true_positive_rate": 1.0})  # 2.8 % and 67.1 %
    far = findings.differences(findings.findings(Detectors(), "cpu", shipped))
    assert [(d.row, d.figure) for d in far] == [
        ("influence_threshold", "true_positive_rate"),
        ("influence_threshold", "precision"),
    ]


def test_records_keep_where_they_come_from(shipped):
    write(shipped, "delta_influence", failed="not judged: poison success 0.30 is below 0.9")
    found = findings.findings(Detectors(), "cpu", shipped)
    assert found.hardware == ("a machine, 1 thread",) and found.dates == ("2026-11-22",)
    assert json.dumps(found.records)
    [row] = (r for r in found.settings["cifar10-badnet"] if r.name == "delta_influence")
    assert not row.ours and row.failures == ("not judged: poison success 0.30 is below 0.9",)


def test_a_seed_that_flags_nothing_counts_as_precision_zero(shipped):
    nothing = {"precision": None, "precision_in_target_label": None, "true_positive_rate": 0.0}
    write(shipped, "delta_influence", nothing)
    write(shipped, "delta_influence", FOUND, seed=1)
    write(shipped, "contrast", nothing)
    rows = {
        row.name: row.ours
        for row in findings.findings(Detectors(), "cpu", shipped).settings["cifar10-badnet"]
    }
    assert rows["delta_influence"]["precision"].values == (0.0, 0.6)
    assert "precision" not in rows["contrast"]
