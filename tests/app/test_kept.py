"""What is kept for all sessions: made once, and nobody waits for what others asked for."""

import threading
import time
from collections import OrderedDict

import numpy as np
import plotly.graph_objects as go

from app import closeup_charts
from app.drawn import drawn
from app.kept import forget, remembered


def test_whoever_asks_for_something_else_does_not_wait_for_what_is_slow():
    kept, going, done = OrderedDict(), threading.Event(), threading.Event()

    def slow() -> str:
        going.set()
        assert done.wait(20)
        return "slow"

    asker = threading.Thread(target=remembered, args=(kept, "slow", slow))
    asker.start()
    assert going.wait(20)
    assert remembered(kept, "other", lambda: "quick") == "quick" and "slow" not in kept
    done.set()
    asker.join(20)
    assert kept["slow"] == "slow"


def test_what_many_ask_for_at_once_is_made_once():
    kept, made, found = OrderedDict(), [], []

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return len(made)

    askers = [threading.Thread(target=lambda: found.append(remembered(kept, "one", make))) for _ in range(12)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(20)
    assert made == [1] and found == [1] * 12


def test_what_cannot_be_made_is_tried_again_by_the_next_who_asks():
    def broken() -> int:
        raise ValueError("no disk")

    kept: OrderedDict[str, int] = OrderedDict()
    for _ in range(2):
        try:
            remembered(kept, "one", broken)
        except ValueError as error:
            assert str(error) == "no disk"
    assert remembered(kept, "one", lambda: 3) == 3


def test_only_the_last_few_stay_and_what_is_forgotten_is_made_anew():
    kept: OrderedDict[int, int] = OrderedDict()
    for number in (1, 2, 3, 1, 4):
        remembered(kept, number, lambda number=number: number, 3)
    assert list(kept) == [3, 1, 4]
    forget(kept, lambda key: key < 4)
    assert list(kept) == [4] and remembered(kept, 1, lambda: 9, 3) == 9


def test_a_figure_from_a_kept_frame_is_one_that_plotly_makes():
    delta, names = np.array([0.5, -2, 3, -0.1], np.float32), ["flip", "blur", "flip", "copy"]
    told = closeup_charts.changes_by_kind(delta, names, -0.05, 1.0).to_dict()
    figure = go.Figure(told)
    assert [bar.name for bar in figure.data] == ["blur", "copy", "flip"]
    assert list(figure.data[2].customdata) == ["0.5", "3"] and list(figure.data[2].x) == [2, 3]
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 < 0 and figure.layout.height == 330


def test_another_image_leaves_the_figure_that_others_look_at_alone():
    first = closeup_charts.changes_by_kind(np.array([1.0, -1.0], np.float32), ["a", "b"], 0.0, 1.0)
    before = str(first.to_dict())
    closeup_charts.changes_by_kind(np.array([-5.0, 9.0], np.float32), ["a", "b"], -3.0, 2.0)
    assert str(first.to_dict()) == before
    assert drawn(first, 500).to_dict() == first.to_dict()
