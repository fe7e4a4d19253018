"""What a stage keeps while it is computed: written now and then, believed only when whole, gone when it is done."""

import numpy as np
import pytest
import torch
from torch import nn

from core import partial
from core.course import Course
from core.partial import State

KEY = "0" * 32


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(partial, "SECONDS", 0.0)
    monkeypatch.setattr(partial, "SHARE", 1e9)


def state(n: int) -> State:
    return State({"a": np.arange(n)}, {"n": n}, f"step {n}")


def stopped(root, *states: int) -> None:
    """Somebody who keeps these states, one after the other, and is stopped."""
    with pytest.raises(KeyboardInterrupt), partial.kept(root, KEY):
        work = partial.work("loop")
        for n in states:
            assert work.offer(lambda n=n: state(n))
        raise KeyboardInterrupt


def test_the_last_state_comes_back_and_goes_when_the_stage_is_done(tmp_path):
    stopped(tmp_path, 3, 4)
    with partial.kept(tmp_path, KEY):
        found = partial.work("loop").latest()
        assert found is not None and found.plain == {"n": 4} and found.arrays["a"].tolist() == [0, 1, 2, 3]
        assert len(list((tmp_path / "partial" / KEY).iterdir())) == 1
    assert not list((tmp_path / "partial").iterdir())


def test_without_a_store_nothing_is_kept_and_nothing_found():
    work = partial.work("loop")
    assert work.latest() is None and not work.offer(lambda: state(1)) and not work.keep(lambda: state(1))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda m: m.setattr(partial, "FORMAT", 99), "is of format=1, this is 99"),
        (lambda m: m.setattr(partial.metadata, "version", lambda _: "0.1"), "this is '0.1'"),
    ],
)
def test_a_state_of_another_version_is_named_and_not_used(tmp_path, caplog, monkeypatch, change, named):
    stopped(tmp_path, 3)
    change(monkeypatch)
    with partial.kept(tmp_path, KEY):
        assert partial.work("loop").latest() is None
    assert named in caplog.text and "it is not used" in caplog.text


def test_a_state_of_another_cut_is_not_used(tmp_path, caplog):
    stopped(tmp_path, 3)
    with partial.kept(tmp_path, KEY):
        assert partial.work("loop", partitions="other").latest() is None
    assert "is of partitions=None, this is 'other'" in caplog.text


def test_any_bit_that_is_turned_over_is_noticed(tmp_path, caplog):
    stopped(tmp_path, 3)
    [file] = (tmp_path / "partial" / KEY).iterdir()
    whole = file.read_bytes()
    for bit in range(0, 8 * len(whole), 37):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        file.write_bytes(data)
        with pytest.raises(KeyboardInterrupt), partial.kept(tmp_path, KEY):
            assert partial.work("loop").latest() is None
            raise KeyboardInterrupt
    assert caplog.text.count("was altered since it was kept") == len(range(0, 8 * len(whole), 37))


def test_where_the_disk_is_full_the_work_goes_on_and_says_so_once(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(partial, "RESERVE", 2**62)
    with partial.kept(tmp_path, KEY):
        work = partial.work("loop")
        assert not work.keep(lambda: state(3)) and not work.keep(lambda: state(4))
    assert caplog.text.count("is not kept, the work goes on") == 1


def test_numbers_that_are_not_finite_are_not_kept(tmp_path):
    with partial.kept(tmp_path, KEY):
        assert not partial.work("loop").keep(lambda: State({"a": np.array([1.0, np.nan])}))


def test_states_are_not_written_oft_or_for_long(tmp_path, monkeypatch):
    monkeypatch.setattr(partial, "SECONDS", 1000.0)
    with partial.kept(tmp_path, KEY):
        assert not partial.work("loop").offer(lambda: state(1), last=True)
    monkeypatch.setattr(partial, "SECONDS", 0.0)
    monkeypatch.setattr(partial, "SHARE", 1e-9)
    with partial.kept(tmp_path, KEY):
        work = partial.work("loop")
        assert work.offer(lambda: state(1)) and not work.offer(lambda: state(2))


def test_the_time_of_whoever_was_killed_counts(tmp_path):
    with pytest.raises(KeyboardInterrupt), partial.kept(tmp_path, KEY) as place:
        place.earlier = 100.0
        partial.work("loop").keep(lambda: state(1))
        raise KeyboardInterrupt
    with partial.kept(tmp_path, KEY) as place:
        before = partial.clock()
        partial.work("loop").latest()
        assert 100 <= place.spent < 160 and partial.clock() - before >= 100


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.Adadelta])
def test_an_optimiser_that_is_taken_up_goes_the_same_way(tmp_path, kind):
    def loop(last: int) -> torch.Tensor:
        layer = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
        with torch.no_grad():
            layer.weight.fill_(0.1)
        settings = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        optimiser = kind(layer.parameters(), lr=0.1, **settings)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 / (1 + step))
        course = Course("loop", layer, optimiser, schedule)
        for step in range(course.first, last):
            optimiser.zero_grad()
            image = torch.randn(1, 2, 5, 5, generator=torch.Generator().manual_seed(step))
            layer(image).square().sum().backward()
            optimiser.step()
            schedule.step()
            course.offer(step + 1, "", last=False, extra={})
        return layer.weight.detach().clone()

    with torch.random.fork_rng():
        torch.manual_seed(0)
        alone = loop(6)
        torch.manual_seed(0)
        with pytest.raises(KeyboardInterrupt), partial.kept(tmp_path, KEY):
            loop(3)
            raise KeyboardInterrupt
        with partial.kept(tmp_path, KEY):
            assert torch.equal(loop(6), alone)


def test_scratch_of_whoever_was_killed_goes_and_ones_own_stays_while_it_is_needed(tmp_path):
    with pytest.raises(KeyboardInterrupt), partial.kept(tmp_path, KEY):
        (partial.scratch() / "of the killed").mkdir()
        raise KeyboardInterrupt
    with partial.kept(tmp_path, KEY):
        mine = partial.scratch() / "mine"
        mine.mkdir()
        assert [path.name for path in partial.scratch().iterdir()] == ["mine"]
    assert not mine.exists()
