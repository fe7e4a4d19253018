"""Do exported files say what was flagged, to people and to tools, and nothing more where the truth is hidden?"""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import export
from core.artifacts import Detection
from core.detection import verdict
from core.detectors.contrast import Contrast
from core.detectors.delta_influence import DeltaInfluence
from core.detectors.influence_threshold import InfluenceThreshold
from core.detectors.relative_collapse import RelativeCollapse
from core.export import Looking

ROOT = Path(__file__).parents[2]
RULES = [
    Contrast(),
    Contrast(margin=-1.5, query=1, most_queries=1),
    DeltaInfluence(),
    DeltaInfluence(threshold=-0.5, tolerance=2, query=1),
    DeltaInfluence(without=("flip", "inverter"), tolerance=1),
    RelativeCollapse(threshold=0.1, tolerance=1),
    InfluenceThreshold(),
]
HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =cmd|' /C calc'!A0", "\n=1"]


def exported(p, rule, looking=export.PLAIN):
    return {name: content() for name, content in export.bundle(p, rule, looking).items()}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}-{rule.model_dump_json()[-24:]}")
def test_every_file_tells_the_same_set(rule, tiny):
    files, flagged = exported(tiny, rule), np.flatnonzero(verdict(tiny, rule).flagged)
    rows = list(csv.DictReader(io.StringIO(files["flags.csv"].decode())))
    assert sorted(int(row["index"]) for row in rows) == flagged.tolist()
    assert sorted(row["index"] for row in json.loads(files["flags.json"])["flags"]) == flagged.tolist()
    assert np.load(io.BytesIO(files["flagged_indices.npy"])).tolist() == flagged.tolist()
    assert np.flatnonzero(~np.load(io.BytesIO(files["keep_mask.npy"]))).tolist() == flagged.tolist()


@pytest.mark.parametrize("rule", [RULES[1], RULES[4]], ids=lambda rule: rule.name)
def test_the_command_reproduces_the_set(rule, tiny, tiny_root, tiny_toml, tmp_path):
    (tmp_path / "experiment.toml").write_bytes(exported(tiny, rule)["experiment.toml"])
    words = export.command(tiny, rule).replace("python", sys.executable, 1)
    done = subprocess.run(
        f"{words} --out rows.npy",
        shell=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "INFLUENCE_STORE": str(tiny_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert np.load(tmp_path / "rows.npy").tolist() == np.flatnonzero(verdict(tiny, rule).flagged).tolist()


def test_flags_come_most_suspect_first(tiny):
    rows = export.flag_rows(tiny, Contrast(), verdict(tiny, Contrast()))
    above = [row["contrast_above_cut_off"] for row in rows]
    assert above == sorted(above, reverse=True)
    assert all(0 <= row["confidence"] <= 1 for row in rows)


def test_votes_of_a_rule_that_leaves_copies_out_are_counted_among_the_others(tiny):
    rule = DeltaInfluence(without=("flip",), tolerance=1)
    rows = export.flag_rows(tiny, rule, verdict(tiny, rule))
    used = len(rule.changes(tiny.scores.value))
    assert rows and {row["transforms"] for row in rows} == {used}
    assert all(row["votes"] >= used - 1 for row in rows)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_begins_like_a_formula(text):
    assert export.safe_cell(text) == "'" + text.replace("\t", " ").replace("\r", " ").replace("\n", " ")


def test_what_people_wrote_becomes_columns_and_no_formula(tiny):
    found = verdict(tiny, Contrast())
    first = int(np.flatnonzero(found.flagged)[0])
    looking = Looking(verdicts={first: ("keep", "=HYPERLINK()", "@evil")})
    rows = {r["index"]: r for r in export.flag_rows(tiny, Contrast(), found, looking)}
    told = [rows[first][name] for name in ("verdict", "reviewer", "note")]
    assert told == ["keep", "'=HYPERLINK()", "'@evil"]
    assert {r["verdict"] for i, r in rows.items() if i != first} == {""}


def test_without_reviews_there_are_no_columns_for_them(tiny):
    rows = export.flag_rows(tiny, Contrast(), verdict(tiny, Contrast()))
    assert "verdict" not in rows[0]


def test_hidden_exports_name_neither_the_attack_nor_any_key(tiny):
    looking = Looking(case="blind-0123456789", hidden=True, view={"case": "blind-0123456789"})
    files = exported(tiny, Contrast(), looking)
    assert sorted(files) == ["flagged_indices.npy", "flags.csv", "flags.json", "keep_mask.npy"]
    told = files["flags.json"].decode()
    keys = [a.key for a in (tiny.poisoning, tiny.victim, tiny.scores, tiny.dataset)]
    assert not [word for word in ("badnet", "n_poisons", "python -m core", *keys) if word in told]
    assert set(json.loads(told)) == {"case", "view", "rule", "train_size", "set", "flags"}


def test_open_exports_restore_the_view_and_name_every_result(tiny):
    view = {"case": "abc", "m": "-0.5", "v": "1"}
    told = json.loads(exported(tiny, Contrast(), Looking(case="abc", view=view))["flags.json"])
    assert told["view"] == view
    assert f"score_pairs/{tiny.scores.key}" in told["provenance"]["keys"]


def test_an_empty_set_has_headers_and_no_rows(tiny):
    files = exported(tiny, Contrast(margin=1e6))
    assert files["flags.csv"] == b"index,label,class_name,influence\n"
    assert json.loads(files["flags.json"])["flags"] == []


def test_ties_are_broken_by_number():
    found = Detection(np.array([1, 2, 1, 2], np.float32), np.array([True, True, True, True]))
    assert export.most_suspect_first(found).tolist() == [1, 3, 0, 2]
