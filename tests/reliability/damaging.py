"""Every kind of damage to the files of a store, and how each of them must end: noticed and named, or harmless."""

import json
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import integrity, runs
from core.pipeline import Plan, plan
from core.store import Artifact, ArtifactDamaged, Store

Bytes = Callable[[bytes, random.Random], bytes | None]


def _flipped(data: bytes, draw: random.Random) -> bytes:
    changed = bytearray(data)
    changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def _zeroed(data: bytes, draw: random.Random) -> bytes:
    start = draw.randrange(len(data))
    hole = data[start : start + 4096]
    return data[:start] + bytes(len(hole)) + data[start + len(hole) :]


TO_A_FILE: dict[str, Bytes] = {
    "a bit flipped": _flipped,
    "cut off": lambda data, draw: data[: draw.randrange(len(data))],
    "emptied": lambda data, draw: b"",
    "zeroed in part": _zeroed,
    "bytes added": lambda data, draw: data + draw.randbytes(draw.randint(1, 64)),
    "removed": lambda data, draw: None,
}


def harm(file: Path, how: Bytes, draw: random.Random) -> bool:
    """Damage a file; False where nothing changed."""
    before = file.read_bytes()
    after = how(before, draw)
    file.unlink() if after is None else file.write_bytes(after)
    return after != before


@dataclass(frozen=True)
class Blow:
    """One damage to the folder of a result: `strike(folder, other folder of the store)`."""

    name: str
    strike: Callable[[Path, Path], None]


def _reseal(folder: Path, **changes: Any) -> None:
    meta = json.loads((folder / "meta.json").read_text())
    rest = {key: value for key, value in (meta | changes).items() if key != "seal" and value is not None}
    (folder / "meta.json").write_text(json.dumps(integrity.sealed(rest)))


def _replace(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(other, folder)


def data_files(folder: Path) -> list[Path]:
    """Every file of a result but its record."""
    return sorted(f for f in folder.rglob("*") if f.is_file() and f.name != "meta.json")


def _exchange_a_file(folder: Path, other: Path) -> None:
    mine, others = (
        sorted(f for f in place.rglob("*") if f.is_file() and f.name != "meta.json")
        for place in (folder, other)
    )
    target = mine[0] if mine else folder / "values.npy"
    shutil.copyfile(others[0] if others else other / "meta.json", target)


TO_A_FOLDER = (
    Blow("another result's folder under this key", _replace),
    Blow(
        "the record of another result",
        lambda f, o: shutil.copyfile(o / "meta.json", f / "meta.json") and None,
    ),
    Blow("a file of another result", _exchange_a_file),
    Blow("a file too many", lambda f, o: (f / "weights.npy").write_bytes(b"more") and None),
    Blow("another version of the stage, sealed", lambda f, o: _reseal(f, version=99)),
    Blow("another format, sealed", lambda f, o: _reseal(f, format=2)),
    Blow("another key, sealed", lambda f, o: _reseal(f, key="0" * 32)),
    Blow("other settings, sealed", lambda f, o: _reseal(f, arguments=[1])),
    Blow("no list of files, sealed", lambda f, o: _reseal(f, files=None)),
    Blow("an empty list of files, sealed", lambda f, o: _reseal(f, files={})),
    Blow("no values, sealed", lambda f, o: _reseal(f, values=None)),
    Blow("values altered, not sealed", lambda f, o: _alter(f)),
)


def _alter(folder: Path) -> None:
    file = folder / "meta.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"values": {"seconds": 0.5}}))


def blows(folder: Path, draw: random.Random, times: int) -> Iterator[Blow]:
    """Every damage to one result: of each of its files in every way, `times` times, and of the folder."""
    for file in sorted(f for f in folder.rglob("*") if f.is_file()):
        name = str(file.relative_to(folder))
        for how, change in TO_A_FILE.items():
            for _ in range(times):
                yield Blow(
                    f"{name} {how}",
                    lambda f, o, name=name, change=change: harm(f / name, change, draw) and None,
                )
    yield from TO_A_FOLDER


def copied(p: Plan, root: Path) -> Plan:
    """The same investigation over a copy of its store."""
    shutil.copytree(p.dataset.store.root, root, ignore=shutil.ignore_patterns("locks", "jobs"))
    return plan(p.experiment, Store(root))


@dataclass
class Ground:
    """A copy of a store to damage, the sound one to put back, and the results in both."""

    sound: Path
    damaged: Path
    artifacts: list[Artifact[Any]]

    def folders(self, artifact: Artifact[Any]) -> tuple[Path, Path]:
        """Where a result lies in the sound and in the damaged store."""
        name = Path(artifact.stage.name, artifact.key)
        return self.sound / name, self.damaged / name

    def struck(self, artifact: Artifact[Any], blow: Blow) -> Path:
        """The folder of a result, put right again and then damaged."""
        folder = self.folders(artifact)[1]
        self.heal(artifact)
        others = [a for a in self.artifacts if a.key != artifact.key]
        same = next((a for a in others if a.stage.name == artifact.stage.name), others[0])
        blow.strike(folder, self.folders(same)[0])
        return folder

    def heal(self, artifact: Artifact[Any]) -> None:
        """Put the result right again."""
        sound, folder = self.folders(artifact)
        for path in folder.parent.glob(f"{artifact.key}*"):
            shutil.rmtree(path)
        shutil.copytree(sound, folder)


def ground(p: Plan, root: Path) -> Ground:
    """Somewhere to damage the results of an investigation."""
    copied(p, root)
    return Ground(p.dataset.store.root, root, runs.kept(p))


def unchanged(sound: Path, folder: Path) -> bool:
    """Whether two folders hold the same result: every file, and the record but for its layout."""
    try:
        told = [json.loads((place / "meta.json").read_text()) for place in (sound, folder)]
        return told[0] == told[1] and integrity.digests(sound) == integrity.digests(folder)
    except (OSError, ValueError):
        return False


def refusal(of: Ground, artifact: Artifact[Any], blow: Blow) -> str:
    """What is wrong with how a store that only reads takes a damage; empty where it is refused and named."""
    folder = of.struck(artifact, blow)
    fresh = Store(of.damaged, computes=False)
    try:
        fresh.get(Artifact(artifact.stage, artifact.arguments, fresh))
    except ArtifactDamaged as error:
        return "" if str(folder) in str(error) else f"{blow.name}: does not name {folder}: {error}"
    except FileNotFoundError as error:
        return "" if "not been computed yet" in str(error) else f"{blow.name}: {error}"
    except Exception as error:
        return f"{artifact.stage.name}, {blow.name}: {type(error).__name__}: {error}"
    return "" if unchanged(of.folders(artifact)[0], folder) else f"{artifact.stage.name}, {blow.name}: used"


def repair(of: Ground, artifact: Artifact[Any], blow: Blow) -> str:
    """What is wrong with how a store of one's own takes a damage; empty where the result is computed again, and equal."""
    sound, folder = of.folders(artifact)
    of.struck(artifact, blow)
    fresh = Store(of.damaged)
    again = plan_of(of, fresh)[artifact.key]
    try:
        fresh.get(again)
    except Exception as error:
        return f"{artifact.stage.name}, {blow.name}: {type(error).__name__}: {error}"
    same = integrity.digests(folder) == integrity.digests(sound)
    return "" if same else f"{artifact.stage.name}, {blow.name}: other files than before"


def plan_of(of: Ground, store: Store) -> dict[str, Artifact[Any]]:
    """The results over another store, by key."""
    made: dict[str, Artifact[Any]] = {}

    def again(item: Any) -> Any:
        if not isinstance(item, Artifact):
            return item
        made.setdefault(item.key, store.step(item.stage, *map(again, item.arguments)))
        return made[item.key]

    for artifact in of.artifacts:
        again(artifact)
    return made


def noticed_while_running(of: Ground, how: Bytes, draw: random.Random, wait: Callable[[], None]) -> list[str]:
    """Damage one file of every result after a reading store has checked and loaded it; says which are used all the same."""
    for artifact in of.artifacts:
        of.heal(artifact)
    served = plan_of(of, Store(of.damaged, computes=False))
    for key in (a.key for a in of.artifacts):
        _ = served[key].value
        folder = of.folders(served[key])[1]
        while not harm(draw.choice(data_files(folder)), how, draw):  # zeros where zeros were are no damage
            pass
    wait()
    return [f"{served[a.key].stage.name}: used" for a in of.artifacts if _is_handed_out(served[a.key])]


def _is_handed_out(artifact: Artifact[Any]) -> bool:
    try:
        _ = artifact.value
    except ArtifactDamaged:
        return False
    return True
