"""Is any damage to a stored file noticed and named, never silently used?"""

import random
import time

import pytest
from reliability import damaged_notes, damaging

from core.store import LOOK_SECONDS


@pytest.fixture
def of(tiny, tmp_path):
    return damaging.ground(tiny, tmp_path / "damaged")


def test_a_store_that_only_reads_refuses_every_damage_to_every_file_of_every_result(of):
    draw, wrong, tried = random.Random(1), [], 0
    for artifact in of.artifacts:
        for blow in damaging.blows(of.folders(artifact)[0], draw, 1):
            tried += 1
            wrong += filter(None, [damaging.refusal(of, artifact, blow)])
        of.heal(artifact)
    assert tried > 400 and wrong == []


@pytest.mark.parametrize("stage", ["load_dataset", "affected_queries", "fit_factors", "detect", "evaluate"])
def test_a_damaged_result_of_ones_own_is_computed_again_and_equal(of, stage):
    artifact = next(a for a in of.artifacts if a.stage.name == stage)
    blows = list(damaging.blows(of.folders(artifact)[0], random.Random(2), 1))
    assert [damaging.repair(of, artifact, blow) for blow in random.Random(3).sample(blows, 2)] == ["", ""]


def test_damage_after_a_running_server_has_checked_a_result_is_noticed_within_a_second(of):
    wait = lambda: time.sleep(1.1 * LOOK_SECONDS)  # noqa: E731
    assert (
        damaging.noticed_while_running(of, damaging.TO_A_FILE["a bit flipped"], random.Random(4), wait) == []
    )
    assert damaging.noticed_while_running(of, damaging.TO_A_FILE["cut off"], random.Random(5), wait) == []


@pytest.mark.parametrize("number", range(6))
def test_damage_to_anything_else_that_is_kept_is_noticed(tiny, number):
    note, draw = damaged_notes.written(tiny.experiment)[number], random.Random(number)
    endings = [
        damaged_notes.outcome(note, how, draw) for how in damaging.TO_A_FILE.values() for _ in range(5)
    ]
    assert endings == [""] * len(endings)
