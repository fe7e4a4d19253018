"""Every door through which something from outside enters, by name: each takes what knocks and an empty folder."""

import inspect
import json
import socket
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from hostile import words

N = 1000
"""Training images of the case that lists and verdicts are about."""
WARM = ("PIL.Image", "PIL.PngImagePlugin", "PIL.JpegImagePlugin", "PIL.WebPImagePlugin", "pyarrow.parquet")


HEAVY = {"weights": ("core.brought",), "addresses": ("app.measures", "app.state"), "names": ("app.shell",)}
"""What only the doors of one kind need."""


def warm_up(kind: str) -> None:
    """Import what the doors of a kind need once, before any child is made."""
    for name in (*WARM, "core.bundles.bundle", "core.engine.wire", *HEAVY.get(kind, ())):
        import_module(name)
    for family in ("attacks", "datasets", "detectors", "models", "unlearners", "transforms"):
        import_module("core.registry").members(family)


def image(data: bytes | Path, _: Path) -> Any:
    from core.safeload import read_image

    return read_image(data, 32)


def whole_image(data: bytes | Path, _: Path) -> Any:
    from core.safeload import read_image

    return read_image(data, None)


def archive(data: bytes | Path, folder: Path) -> Any:
    """What was unpacked; everything that was written lies inside."""
    from core.bundles import bundle_door

    inside, file = folder / "fresh", _file(data, folder / "a.zip")
    inside.mkdir()
    before = _everything(folder, inside)
    try:
        return bundle_door.unpack(file, inside)
    finally:
        if _everything(folder, inside) != before:
            raise AssertionError("something was written outside")


def bundle(data: bytes | Path, folder: Path) -> Any:
    from core.bundles.bundle import open_bundle
    from core.store import Store

    store = Store(folder / "store", computes=False)
    try:
        return open_bundle(_file(data, folder / "a.zip"), store)
    except ValueError:
        if [p for p in store.root.rglob("*") if p.is_file()]:
            raise AssertionError("a refused bundle left something behind") from None
        raise


def weights(data: bytes | Path, _: Path) -> Any:
    from core import weights

    return weights.read(weights.keep_weights(data))


def fitting_weights(data: bytes, _: Path) -> Any:
    from core import brought, weights
    from core.registry import create

    model = create("models", "resnet9", width=4)
    return brought.fitted(weights.read(weights.keep_weights(data)), model, 10)


def untrusted_pth(data: bytes, folder: Path) -> Any:
    from core.brought import state_of

    return state_of(_file(data, folder / "w.pth"), trusted=False)


def own_list(given: tuple[str, bytes], _: Path) -> Any:
    from core import sets

    return sets.from_file(given[1], given[0], N)


def grade(data: bytes, folder: Path) -> Any:
    import numpy as np

    from core import sets

    np.save(folder / "truth.npy", np.arange(3))
    return sets.rows_of(_file(data, folder / "flags.npy"))


def folder_of_images(path: Path, _: Path) -> Any:
    from core.datasets import check
    from core.datasets.folder import Folder

    settings = Folder(path=str(path), size=32)
    settings.fingerprint()
    settings.known_classes()
    data = settings.read()
    check(data)
    return data


def parquet(data: bytes | Path, folder: Path) -> Any:
    from core.datasets import check
    from core.datasets.parquet import Parquet

    settings = Parquet(path=str(_file(data, folder / "t.parquet")), size=32)
    found = settings.read()
    check(found)
    return found


def batch(data: bytes, folder: Path) -> Any:
    from core.datasets.reading import batches

    return batches.read_batches([_file(data, folder / "b")], "labels")


def experiment(data: bytes, folder: Path) -> Any:
    from core.experiment import Experiment

    return Experiment.from_toml(_file(data, folder / "x.toml"))


def setting(text: str, _: Path) -> Any:
    from core.experiment import Experiment

    return Experiment.from_toml("digits-badnet", [text])


def located(settings: dict[str, Any], _: Path) -> Any:
    """The whole way of an experiment whose settings name files."""
    from core import runs
    from core.experiment import Experiment

    return runs.resolved(Experiment.from_toml("digits-badnet").changed(**settings))


def run_note(data: bytes, folder: Path) -> Any:
    from core import runs
    from core.store import Store

    (folder / "store" / "runs").mkdir(parents=True)
    (folder / "store" / "runs" / "0123456789ab.json").write_bytes(data)
    store = Store(folder / "store")
    return len(runs.all_runs(store)) + len(runs.unreadable_runs(store))


def kept_set(data: bytes, folder: Path) -> Any:
    from core import sets

    (folder / "store" / "sets").mkdir(parents=True)
    (folder / "store" / "sets" / f"{'0' * 32}.json").write_bytes(data)
    return sets.read("0" * 32)


def verdicts(data: bytes, folder: Path) -> Any:
    from core.review import verdict_files
    from core.review.verdicts import Verdicts

    return verdict_files.from_json(data, Verdicts(folder / "store", "0123456789ab", N))


def casebook(data: bytes, folder: Path) -> Any:
    from core.bundles import bundle_content, bundle_notes

    told = bundle_content.read_json(_file(data, folder / "casebook.json"))
    return bundle_notes.checked(told, {"0123456789ab": N})


def commitment(data: bytes, folder: Path) -> Any:
    from core.commands.challenge_commands import verify

    verify(_file(data, folder / "c.json"), "")
    return json.loads(data)


def frame(data: bytes, _: Path) -> Any:
    """A frame as the page takes it from an engine."""
    from core.engine import wire

    here, there = socket.socketpair()
    with here, there:
        there.settimeout(2)
        sender = threading.Thread(target=lambda: (here.sendall(data), here.close()))
        sender.start()
        try:
            return wire.receive(there, wire.Limits(arrays=wire.MAX_ARRAYS))
        finally:
            there.close()
            sender.join()


def _file(data: bytes | Path, place: Path) -> Path:
    """A file with this content; a path is a file that is there already."""
    if isinstance(data, Path):
        return data
    place.write_bytes(data)
    return place


def _everything(folder: Path, but: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_relative_to(but)}


DOORS = {
    name: door
    for name, door in [*globals().items(), *vars(words).items()]
    if inspect.isfunction(door)
    and door.__module__ in (__name__, words.__name__)
    and name[0] != "_"
    and name != "warm_up"
}
"""Every door by its name."""
