"""A store with real supervisors and workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from reliability.office import Office, make_probes


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("PYTHONPATH", make_probes(tmp_path / "modules"))
    opened = Office(tmp_path / "store")
    yield opened
    opened.close()
