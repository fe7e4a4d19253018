"""Partitions are the same whoever computes them, and results come in their order."""

import time

import numpy as np
import pytest
import torch

from core import device, processes, progress
from core.influence import partitions, sweep, team, together


def test_partitions_hold_every_image_once():
    for n in (1, 31, 33, 2048, 2049, 5000):
        assert np.array_equal(np.sort(np.concatenate(partitions.cut(n))), np.arange(n))


def test_partitions_of_a_large_set_do_not_depend_on_the_number_of_threads(monkeypatch):
    def sizes(threads: int) -> list[int]:
        monkeypatch.setattr(sweep, "workers", lambda: threads)
        return [len(part) for part in partitions.cut(5000)]

    assert sizes(1) == sizes(2) == sizes(16)


def test_results_come_in_order_however_long_each_takes():
    def lane(task: int, tick: together.Tick) -> int:
        time.sleep(0.02 if task % 3 == 0 else 0)
        tick(1)
        return task * task

    counted: list[int] = []
    found = list(together.in_order(range(20), [lane] * 3, counted.append))
    assert found == [n * n for n in range(20)] and sum(counted) == 20


def test_never_more_results_wait_than_there_are_lanes():
    made: list[int] = []

    def lane(task: int, tick: together.Tick) -> int:
        made.append(task)
        return task

    for taken, _ in enumerate(together.in_order(range(30), [lane] * 3, lambda _: None), 1):
        assert len(made) <= taken + 3


def test_a_failure_and_a_wish_to_stop_reach_every_lane():
    def broken(task: int, tick: together.Tick) -> None:
        raise ArithmeticError(str(task))

    def endless(task: int, tick: together.Tick) -> None:
        while True:
            tick(1)

    def impatient(images: int) -> None:
        raise progress.Cancelled

    with pytest.raises(ArithmeticError):
        list(together.in_order(range(4), [broken] * 2, lambda _: None))
    with pytest.raises(progress.Cancelled):
        list(together.in_order(range(4), [endless] * 2, impatient))


def test_lanes_use_the_device_that_was_chosen():
    with device.use("cpu"):
        found = together.in_order([0, 1], [lambda task, tick: device.current()] * 2, lambda _: None)
        assert list(found) == [torch.device("cpu")] * 2


@pytest.mark.parametrize("text", ["0", "-1", "two", "65"])
def test_a_number_of_processes_that_cannot_be_is_refused(monkeypatch, text):
    monkeypatch.setenv(processes.VARIABLE, text)
    with pytest.raises(ValueError, match=rf"INFLUENCE_PROCESSES='{text}': expected a number from 1 to 64"):
        processes.wanted()
    with pytest.raises(ValueError, match="processes=65"), processes.use(65):
        pass


def test_no_more_processes_are_started_than_memory_holds(tiny, monkeypatch, caplog):
    from core.influence.pairwise import ScorePass
    from core.networks import restore

    poisoned = tiny.poisoned.value
    network = restore(tiny.experiment.model, tiny.victim.value.weights, poisoned)
    work = ScorePass(network, poisoned, [torch.zeros(3, 4, 5)])
    assert team.affordable(work, 2) == 2 or team.memory.free() < 3e9
    monkeypatch.setattr(team, "MEMORY_SHARE", 1e-9)
    assert team.affordable(work, 4) == 1
    assert "processes=4: each needs" in caplog.text and "going on with 1" in caplog.text
