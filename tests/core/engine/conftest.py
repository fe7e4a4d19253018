"""A results folder with the tiny investigation, and engines that end with the test."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.engine import place
from core.picks import Pick
from core.pipeline import Plan, investigate
from core.store import Store


def end(root: Path) -> None:
    """End the engine of a results folder, if there is one."""
    if address := place.published(root):
        try:
            os.kill(address.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


@pytest.fixture
def opened(tiny_root: Path, store_root: Path) -> Iterator[Path]:
    """The store of the tiny investigation without factors, as a shipped case has none."""
    shutil.copytree(tiny_root, store_root, ignore=shutil.ignore_patterns("fit_factors", "locks"))
    yield store_root
    end(store_root)


@pytest.fixture
def about(tiny: Plan, store_root: Path) -> Callable[..., Plan]:
    """The plan of a picked image, in the test's own store, which computes nothing by itself."""

    def planned(text: str, root: Path = store_root, *, computes: bool = False) -> Plan:
        return investigate(tiny.experiment, Store(root, computes=computes), Pick.parse(text))

    return planned
