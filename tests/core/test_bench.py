"""The README's table of measured figures, over records of different ages."""

import json

from core import bench

OLD = {"seed": 0, "victim": {"test_accuracy": 0.75}, "detections": {"contrast": None}}
NEW = {"seed": 0, "victim": {"test_accuracy": 0.5}, "detections": {"contrast": {"precision": 0.25}}}


def test_a_figure_that_older_records_lack_is_a_dash_and_one_that_all_lack_is_no_line(tmp_path):
    (tmp_path / "old.json").write_text(json.dumps([OLD]))
    (tmp_path / "new.json").write_text(json.dumps([NEW, NEW | {"victim": {"test_accuracy": 1.0}}]))
    lines = bench.readme_rows(tmp_path)
    assert lines[0] == "| | new | old |" and lines[2] == "| seeds | 2 | 1 |"
    assert "| victim: test accuracy | 0.75 (0.5–1) | 0.75 |" in lines
    assert "| contrast with controls: precision | 0.25 | – |" in lines
    assert len(lines) == 5
