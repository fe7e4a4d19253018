"""A store with real supervisors and workers, and the real server with its bundled case."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability.office import Office, make_probes
from reliability.serving import Served, serving
from reliability.tuning import Expected

from core import cases, runs


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("PYTHONPATH", make_probes(tmp_path / "modules"))
    opened = Office(tmp_path / "store")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboard, for all tests of a file."""
    with serving(tmp_path_factory.mktemp("served") / "store") as server:
        yield server


@pytest.fixture(scope="module")
def expected(served: Served) -> Expected:
    """What its bundled case has to show."""
    return Expected(cases.all_cases(runs.open_store(served.store))[0])
