"""What must hold for any bytes or words at all: a refusal of ours, or something sound. Tried by Hypothesis.

    PYTHONPATH=tests python -m hostile.properties --examples 2000

prints a line of JSON for each door.
"""

import argparse
import json
import pickle
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from PIL import Image

from core import export
from core.safeload import clean_name
from hostile import doors
from hostile.corpus import (
    Hostile,
    addresses,
    archives,
    experiments,
    frames,
    images,
    names,
    notes,
    parquet,
    tables,
    weights,
)
from hostile.judge import judged

WORDS = st.text(st.characters(), max_size=200)


class Property(NamedTuple):
    """A door, what knocks, and what must be true of what comes in."""

    door: str
    content: st.SearchStrategy[Any]
    good: Callable[[Any], bool]


def mutated(*seeds: bytes) -> st.SearchStrategy[bytes]:
    """Sound files with a few bytes changed, cut out or put in."""
    change = st.tuples(st.integers(0, 2**16), st.integers(0, 40), st.binary(max_size=12))

    def changed(seed: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
        data = bytearray(seed)
        for at, length, new in changes:
            at %= len(data) + 1
            data[at : at + min(length, len(new))] = new
        return bytes(data)

    return st.builds(changed, st.sampled_from(seeds), st.lists(change, max_size=4))


def mostly(valid: str, alphabet: str) -> st.SearchStrategy[str]:
    """Words over the letters that a parser looks for."""
    return st.one_of(st.just(valid), st.text(alphabet, max_size=80), WORDS)


@cache
def properties() -> tuple[Property, ...]:
    """One for every parser."""
    picture = Image.fromarray(images.NOISE)
    pictures = [images.encoded(picture, kind) for kind in ("PNG", "JPEG", "WEBP")]
    listed = [tables.saved(np.arange(5)), tables.saved(np.arange(5, dtype=np.uint8))]
    verdict = notes.judged(notes.entry(), notes.entry(image=4, reason="a"))
    frame = frames.framed(b'{"arrays": 1}', listed[0])
    table = parquet.written({"image": parquet.IMAGES, "label": parquet.LABELS})
    state = weights.tensors({"a": weights.OK, "b": weights.OK | {"data_offsets": [8, 16]}}, bytes(16))
    batch = pickle.dumps({b"data": np.zeros((2, 3072), np.uint8), b"labels": [1, 2]}, protocol=2)
    archive = archives.zipped([(f"sets/{'0' * 32}.json", b"[1]" * 40)])
    fields = st.sampled_from(
        [
            "q",
            "th",
            "m",
            "tol",
            "i",
            "p",
            "t",
            "pin",
            "set",
            "cls",
            "wo",
            "pts",
            "pick",
            "rule",
            "page",
            "measure",
            "seed",
        ]
    )
    values = st.one_of(st.sampled_from(addresses.FORGED), st.integers().map(str), st.floats().map(str), WORDS)
    numbers = st.one_of(st.integers(-3, 60), st.floats(), st.none(), st.text(max_size=3))
    picture_of = st.fixed_dictionaries(
        {"points": st.lists(st.lists(numbers, max_size=5), max_size=9), "test": st.lists(numbers, max_size=3)}
    )
    return (
        Property("image", mutated(*pictures), images.is_image),
        Property("weights", mutated(state), weights.finite),
        Property("own_list", mutated(*listed).map(lambda data: ("a.npy", data)), tables.rows),
        Property("own_list", mutated(b"index,x\n3,1\n17,2\n").map(lambda data: ("a.csv", data)), tables.rows),
        Property("own_list", mutated(b'{"flags": [{"index": 3}, 4]}').map(lambda data: ("a.json", data)), tables.rows),
        Property("grade", mutated(*listed), lambda found: found.dtype == np.int64),
        Property("batch", mutated(batch), lambda split: len(split.images) == len(split.labels)),
        Property("parquet", mutated(table), parquet.is_data),
        Property("archive", mutated(archive), lambda told: all(name.startswith("sets/") for name in told)),
        Property("experiment", mutated(experiments.BASE.encode()), experiments.same_again),
        Property("setting", mostly("training.epochs=3", "abcdehinorstuv.=0123456789[]{}'\"-"), experiments.same_again),
        Property("verdicts", mutated(verdict), notes.is_plain),
        Property("casebook", mutated(notes.book([], [])), lambda told: set(told) == {"verdicts", "saved_views"}),
        Property("run_note", mutated(b'{"created": "x", "experiment": {}}'), lambda count: count == 1),
        Property("frame", mutated(frame), lambda message: isinstance(message.header, dict)),
        Property("address", st.dictionaries(fields, values, max_size=6).map(lambda d: d | {"case": "x"}), addresses.legal),
        Property("scene", mostly("k2_fradial_m3.10.20_a1.5.5", "kfwhoceutmlda0123456789._-"), addresses.stays),
        Property("gesture", picture_of, addresses.stays),
        Property("measure", mostly("d=0.01,c=kfac", "dcl=,+0123456789.eaknif"), measures),
        Property("pick", mostly("test-17-as-4", "testuploadrigs-0123456789"), lambda pick: pick.parse(pick.text) == pick),
        Property("name", WORDS, names.is_clean),
        Property("reviewer", WORDS, names.is_line),
        Property("cell", WORDS, names.is_no_formula),
        Property("markdown", WORDS, lambda shown: isinstance(shown, str)),
    )  # fmt: skip


def measures(found: Any) -> bool:
    """A damping that can be added."""
    return found.damping == "heuristic" or 0 < found.damping < float("inf")


def same_words_stay(text: str) -> bool:
    """What is clean stays as it is."""
    return clean_name(clean_name(text)) == clean_name(text) and export.safe_cell("dog") == "dog"


def tried(one: Property, examples: int) -> tuple[int, str]:
    """How many were tried, and the first that got in; empty where none did."""
    count = 0

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(one.content)
    def hold(content: Any) -> None:
        nonlocal count
        count += 1
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            state, told = judged(Hostile("", one.door, content, one.good), Path(folder))
        assert state != "let through", f"{told} of {content!r}"[:600]

    try:
        hold()
    except AssertionError as wrong:
        return count, str(wrong)
    return count, ""


def main() -> None:
    """Try every door."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=200)
    examples = parser.parse_args().examples
    doors.warm_up("addresses")
    for one in properties():
        count, wrong = tried(one, examples)
        print(json.dumps({"door": one.door, "tried": count, "wrong": wrong}), flush=True)


if __name__ == "__main__":
    main()
