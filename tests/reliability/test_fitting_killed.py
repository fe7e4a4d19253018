"""Who is killed while it fits the curvature leaves nothing outside the store, and nothing of it is there after the next."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core import integrity

ROOT = Path(__file__).parents[2]
FIT = """
import sys
from pathlib import Path
from core.experiment import Experiment
from core.pipeline import plan
from core.store import Store, walk
p = plan(Experiment.from_toml(sys.argv[1]), Store(Path(sys.argv[2])))
found = []
walk(next(iter(p.detections.values())), lambda a: found.append(a) if a.stage.name == "fit_factors" else None)
found[0].value
"""


@pytest.fixture
def fitting(tmp_path, tiny_toml):
    """Starts a process that trains the tiny victim and fits its factors; its temporary files go to a folder of its own."""
    (tmp_path / "temporary").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(ROOT)}

    def start() -> subprocess.Popen:
        command = [sys.executable, "-c", FIT, str(tiny_toml), str(tmp_path / "own")]
        return subprocess.Popen(command, env=environment, start_new_session=True)

    return start


def test_a_kill_while_factors_are_fitted_leaves_nothing_that_stays(fitting, tmp_path, tiny):
    process = fitting()
    places = (tmp_path / "own" / "partial", tmp_path / "temporary")
    while process.poll() is None and not any(list(place.rglob("fitted-*/fit.json")) for place in places):
        time.sleep(0.001)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not list((tmp_path / "temporary").iterdir())
    assert fitting().wait() == 0
    assert not list((tmp_path / "temporary").iterdir()) and not list((tmp_path / "own" / "partial").iterdir())
    (fitted,) = (tmp_path / "own" / "fit_factors").iterdir()
    there = tiny.dataset.store.root / "fit_factors" / fitted.name
    assert integrity.record(fitted)["files"] == integrity.record(there)["files"]
