"""The tiny case at home: finished, reviewed, with a saved view; its bundle; and a store elsewhere."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from bundling import Files

from core import casebook, cases, runs
from core.bundles import bundle
from core.review.verdicts import Verdicts
from core.store import Store


@pytest.fixture(scope="module")
def home(tiny, tiny_root, tmp_path_factory) -> Store:
    """A store with the tiny case, finished, reviewed, with a saved view and with its curvature."""
    store = Store(tmp_path_factory.mktemp("home") / "store", computes=False)
    shutil.copytree(tiny_root, store.root, ignore=shutil.ignore_patterns("locks", "runs"))
    run = runs.record(tiny.experiment, store)
    book = Verdicts(store.root, run.id, 300)
    book.judge("ann", [3, 4], "poison", reason="a square")
    book.judge("ann", [5], "keep")
    book.undo("ann")
    address = json.dumps({"case": run.id, "v": "1"})
    with casebook.writing(store.root) as opened:
        columns = "(case_id, page, name, address, created) VALUES (?, 'investigate', 'mine', ?, 1)"
        opened.execute(f"INSERT INTO saved_views {columns}", [run.id, address])
    return store


@pytest.fixture(scope="module")
def case(home) -> cases.Case:
    return cases.all_cases(home)[0]


@pytest.fixture(scope="module")
def made(case, tmp_path_factory) -> Path:
    return bundle.make(bundle.contents(case), tmp_path_factory.mktemp("made") / "case.zip")


@pytest.fixture(scope="module")
def files(made) -> Files:
    with zipfile.ZipFile(made) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def elsewhere(tmp_path) -> Store:
    return Store(tmp_path / "elsewhere", computes=False)
