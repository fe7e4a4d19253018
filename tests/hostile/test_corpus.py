"""Does any of the written inputs get in? Each is tried in a process of its own, with limits."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from hostile.corpus import KINDS

ROOT = Path(__file__).parents[2]
LEAST = {
    "images": 150,
    "archives": 100,
    "weights": 90,
    "tables": 90,
    "parquet": 90,
    "experiments": 140,
    "notes": 120,
}
"""Inputs of a kind, so that none of them is lost unnoticed; 25 of any other."""


def ended(kind: str) -> list[dict]:
    """How every input of a kind ended."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tests'}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "hostile.warden", kind]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", KINDS)
def test_no_hostile_input_gets_in(kind):
    found = ended(kind)
    assert [(v["name"], v["told"]) for v in found if v["state"] == "let through"] == []
    assert len(found) >= LEAST.get(kind, 25)


def test_the_warden_tells_what_gets_in(tmp_path):
    from PIL import Image

    from hostile.corpus import Hostile
    from hostile.corpus.images import NOISE, encoded
    from hostile.judge import judged

    good = encoded(Image.fromarray(NOISE))
    inputs = [
        Hostile("let in though nothing may be", "image", good),
        Hostile("let in with another property", "image", good, lambda pixels: pixels.max() == 0),
        Hostile("an error of somebody else", "image", None, lambda pixels: True),
        Hostile("a sound one", "image", good, lambda pixels: pixels.shape == (3, 32, 32)),
        Hostile("a refused one", "image", good[:99]),
    ]
    states = Counter(judged(item, tmp_path)[0] for item in inputs)
    assert states == {"let through": 3, "harmless": 1, "refused": 1}
