"""The tiny case, to report on."""

import pytest

from core import runs
from core.cases import Case


@pytest.fixture
def case(tiny):
    run = runs.Run(runs.identifier(tiny.experiment), tiny.experiment, "2026-01-01T00:00:00Z", False)
    return Case(run, tiny, (run,))
