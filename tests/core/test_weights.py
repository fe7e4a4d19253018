"""Is the door for weights shut to everything but a sound safetensors file, and does it say why?"""

import json
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save, save_file

from core import registry, weights
from core.brought import expected, fitted, mismatches, state_of
from core.metrics import doubt_of
from core.weights import (
    MAX_BYTES,
    MAX_HEADER,
    WeightsRefused,
    header,
    keep_weights,
    plain_names,
    read,
    read_file,
)

GOOD = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "n": np.array([7], np.int64)}
FLOAT = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def made(tree: object, data: bytes = bytes(8), *, length: int | None = None) -> bytes:
    """A file with this header, as JSON or as it is, and these numbers."""
    text = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(**changes: object) -> bytes:
    return made({"x": FLOAT | changes})


def two(first: list[int], second: list[int]) -> bytes:
    return made({"x": FLOAT | {"data_offsets": first}, "y": FLOAT | {"data_offsets": second}}, bytes(16))


HOSTILE = {
    "nothing": (b"", "header"),
    "seven bytes": (b"1234567", "header"),
    "a text": (b"these are no weights at all", "header"),
    "a header longer than allowed": (made({"x": FLOAT}, length=MAX_HEADER + 1), "header"),
    "a header longer than a file can be": (made({"x": FLOAT}, length=2**64 - 1), "header"),
    "a header longer than the file": (made({"x": FLOAT}, length=5000), "header"),
    "no header": (made(b""), "header"),
    "a header that is no JSON": (made(b"{not json}"), "JSON"),
    "a header that is no text": (made(b"\xff\xfe\xfa\xfb"), "JSON"),
    "a list": (made([1, 2]), "no table"),
    "brackets without end": (made(b"[" * 500_000), "JSON"),
    "a number of a million digits": (made(b'{"x": ' + b"9" * 900_000 + b"}"), "JSON"),
    "not a number in the header": (made(b'{"x": NaN}'), "NaN"),
    "the same name twice": (made(b'{"x": 1, "x": 2}'), "twice"),
    "the same key twice in a tensor": (made(b'{"x": {"dtype": "F32", "dtype": "I64"}}'), "twice"),
    "no tensor": (made({"__metadata__": {"a": "b"}}, b""), "0 tensors"),
    "too many tensors": (made({f"x{i}": FLOAT for i in range(5000)}), "5,000 tensors"),
    "a tensor that is no table": (made({"x": 3}), "dtype, shape and data_offsets"),
    "a tensor without a place": (made({"x": {"dtype": "F32", "shape": [2]}}), "data_offsets"),
    "a tensor with more to it": (tensor(code="import os"), "nothing else"),
    "a name that is too long": (made({"x" * 400: FLOAT}), "printable name"),
    "a name that reorders text": (made({"x\u202ey": FLOAT}), "printable name"),
    "an unknown kind of number": (tensor(dtype="F8_E4M3"), "one of ['F32'"),
    "a kind that is a list": (tensor(dtype=["F32"]), "one of ['F32'"),
    "a negative size": (tensor(shape=[-2]), "counts"),
    "a size in halves": (tensor(shape=[2.0]), "counts"),
    "a size that is true": (tensor(shape=[True, 2]), "counts"),
    "sizes whose product is astronomic": (tensor(shape=[2**30] * 8), "takes 8 bytes"),
    "too many axes": (tensor(shape=[1] * 9), "at most 8"),
    "another size than its bytes": (tensor(shape=[3]), "expected 12"),
    "a negative place": (tensor(data_offsets=[-8, 0]), "none below zero"),
    "an end before its beginning": (tensor(data_offsets=[8, 0]), "takes -8 bytes"),
    "three places": (tensor(data_offsets=[0, 4, 8]), "two places"),
    "a place beyond the file": (made({"x": FLOAT | {"data_offsets": [8, 16]}}), "gap"),
    "tensors that overlap": (two([0, 8], [4, 12]), "overlaps"),
    "two tensors in one place": (two([0, 8], [0, 8]), "overlaps"),
    "a gap between tensors": (two([0, 8], [9, 17]), "gap"),
    "bytes that no tensor has": (made({"x": FLOAT}, bytes(12)), "holds 12 bytes"),
    "a truncated file": (save(GOOD)[:-3], "holds"),
    "a number that is none": (made({"x": FLOAT}, np.array([1, np.nan], "<f4").tobytes()), "'x' holds NaN"),
    "an infinite number": (made({"x": FLOAT}, np.array([1, np.inf], "<f4").tobytes()), "infinity"),
    "more than float32 can hold": (
        made({"x": {"dtype": "F64", "shape": [1], "data_offsets": [0, 8]}}, np.array([1e300]).tobytes()),
        "more than float32 can",
    ),
    "a pickle": (pickle.dumps({"a": 1}), "a pickle"),
    "a gzip archive": (b"\x1f\x8b\x08\x00" + bytes(30), "a gzip archive"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_is_no_sound_file_is_refused_with_value_need_and_remedy(name, store_root):
    content, said = HOSTILE[name]
    with pytest.raises(WeightsRefused) as error:
        keep_weights(content)
    assert said in str(error.value)
    assert error.value.value and error.value.need and error.value.remedy
    assert len(str(error.value)) < 700
    assert not list((store_root / "weights").iterdir())


def test_a_renamed_pytorch_file_is_refused_with_the_command_that_converts_it(tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "looks.safetensors")
    with pytest.raises(
        WeightsRefused, match=r"is a PyTorch archive: .*core convert FILE --i-trust-this-file"
    ):
        keep_weights(tmp_path / "looks.safetensors")


def test_a_file_larger_than_allowed_is_refused_unread(tmp_path):
    with (tmp_path / "huge.safetensors").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(WeightsRefused, match="at most"):
        header(tmp_path / "huge.safetensors")


def test_a_path_without_a_file_is_refused(tmp_path):
    with pytest.raises(WeightsRefused, match="expected a file of weights"):
        keep_weights(tmp_path)


def test_a_good_file_is_kept_once_and_comes_back_as_it_was(store_root):
    digest = keep_weights(save(GOOD))
    assert keep_weights(save(GOOD)) == digest
    assert [file.stem for file in (store_root / "weights").iterdir()] == [digest]
    back = read(digest)
    assert all(
        np.array_equal(back[name], GOOD[name]) and back[name].dtype == GOOD[name].dtype for name in GOOD
    )


def test_the_header_tells_names_shapes_and_how_many_numbers(tmp_path):
    save_file(GOOD, tmp_path / "good.safetensors", metadata={"made": "by us"})
    found = header(tmp_path / "good.safetensors")
    assert found.shapes == {"a": (2, 3), "n": (1,)}
    assert found.parameters == 6


def test_every_kind_of_number_is_read_as_pytorch_reads_it(tmp_path):
    from safetensors.torch import save_file as save_torch

    kinds = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)
    tensors = {str(k): (torch.arange(-5, 6) / 3).to(k) for k in kinds}
    save_torch(tensors, tmp_path / "kinds.safetensors")
    for name, values in read_file(tmp_path / "kinds.safetensors").items():
        same = tensors[name] if tensors[name].dtype == torch.int64 else tensors[name].float()
        assert np.array_equal(values, same.numpy())


def test_weights_that_were_altered_or_removed_are_not_used(store_root):
    digest = keep_weights(save(GOOD))
    weights.file_of(digest).write_bytes(save({"a": np.zeros((2, 3), np.float32)}))
    with pytest.raises(ValueError, match="was altered"):
        read(digest)
    weights.file_of(digest).unlink()
    with pytest.raises(FileNotFoundError, match="bring them again"):
        read(digest)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.module.", "model."])
def test_what_wrappers_put_before_every_name_is_taken_off(prefix):
    assert plain_names({prefix + name: 1 for name in GOOD}) == (dict.fromkeys(GOOD, 1), prefix)


def test_a_prefix_of_some_names_alone_is_part_of_them():
    names = {"module.a": 1, "b": 2}
    assert plain_names(names) == (names, "")


@pytest.fixture(scope="module")
def small():
    return registry.create("models", "resnet9", width=2)


def test_the_shapes_of_an_architecture_are_those_of_its_network(small):
    network = small.build(5)
    assert expected(small, 5) == {name: tuple(t.shape) for name, t in network.state_dict().items()}


def test_what_does_not_fit_is_named_five_at_most(small):
    wanted = expected(small, 5)
    found = {name: shape for name, shape in wanted.items() if "bias" not in name} | {"extra\u202e": (1,)}
    found["8.weight"] = (4, 16)
    missing, extra, shaped = mismatches(found, wanted)
    assert missing.startswith("9 missing: ") and missing.endswith(" and 4 more")
    assert extra == "1 not of this architecture: extra"
    assert shaped == "1 of another shape: 8.weight (4, 16) instead of (5, 16)"


def test_weights_fit_without_their_counters(small):
    own = {n: t.numpy() for n, t in small.build(5).state_dict().items() if "num_batches" not in n}
    assert set(fitted(own, small, 5)) == set(expected(small, 5))


def test_weights_for_other_classes_are_refused(small):
    own = {name: tensor.numpy() for name, tensor in small.build(5).state_dict().items()}
    with pytest.raises(WeightsRefused, match=r"8.weight \(5, 16\) instead of \(7, 16\).*for 7 classes"):
        fitted(own, small, 7)


@pytest.mark.parametrize("name", list(registry.members("models")))
def test_every_architecture_takes_back_what_it_gave(name):
    small = registry.create("models", name, width=1)
    own = {n: t.numpy() for n, t in small.build(3).state_dict().items()}
    assert keep_weights(save({n: np.require(w, requirements="C") for n, w in own.items()}))
    assert set(fitted(own, small, 3)) == set(own)


@pytest.mark.parametrize(
    "wrap", [dict, lambda s: {"epoch": 3, "state_dict": s}, lambda s: {"model": dict(s)}]
)
def test_weights_are_found_in_checkpoints_of_training_scripts(wrap, tmp_path):
    torch.save(wrap(torch.nn.Linear(3, 2).bfloat16().state_dict()), tmp_path / "x.pth")
    found = state_of(tmp_path / "x.pth", trusted=False)
    assert {name: (w.shape, w.dtype) for name, w in found.items()} == {
        "weight": ((2, 3), np.float32), "bias": ((2,), np.float32),
    }  # fmt: skip


def test_a_file_without_tensors_says_what_to_save(tmp_path):
    torch.save({"epoch": 3}, tmp_path / "x.pth")
    with pytest.raises(WeightsRefused, match=r"model.state_dict\(\)"):
        state_of(tmp_path / "x.pth", trusted=False)


class Touches:
    """What a hostile pickle does when it is opened."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return (Path.touch, (self.file,))


def test_a_hostile_pickle_runs_nothing_unless_it_is_trusted(tmp_path):
    torch.save({"a": Touches(tmp_path / "ran")}, tmp_path / "x.pth")
    with pytest.raises(WeightsRefused, match="may run code"):
        state_of(tmp_path / "x.pth", trusted=False)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("rate", "doubtful"), [(0.11, True), (0.5, True), (0.7, False), (1.0, False), (None, False)]
)
def test_weights_that_do_not_know_their_own_images_are_doubted(rate, doubtful, tiny):
    from dataclasses import replace

    said = doubt_of(replace(tiny.victim.value, train_accuracy=rate), tiny.poisoned.value)
    assert bool(said) == doubtful
    assert not doubtful or f"only {rate:.0%} of their own training images" in said
