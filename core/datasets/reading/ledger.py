"""Which files stood behind a dataset, so that changed ones are noticed by what is in them and a mere touch is not.

Sizes and times of change are looked at first. Only files whose size or time is another one are read, once. What was
found is kept among the results, in `sources`; without it nothing is lost but the time to read the files again.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core import durable, paths

Stamp = list[Any]
"""Size in bytes, nanoseconds of the last change of the content and of anything, digest of what is inside."""
FEW = 8
NAMED = 3
"""Changed files that are named."""


@dataclass(frozen=True)
class Content:
    """What is in the files of a dataset now: a digest of everything, and one of each file by its name."""

    digest: str
    files: dict[str, str]


@dataclass(frozen=True)
class State:
    """Whether the files of a case are still those that it was made from; `told` says in words what is amiss."""

    kind: Literal["same", "missing", "changed"]
    told: str = ""


def content(files: dict[str, Path]) -> Content:
    """What is in these files, by the names they have within the dataset. Raises FileNotFoundError for one that is gone.

    Files that look as they did are not read again.
    """
    place = _folder("places") / f"{_short(_where(list(files.values())))}.json"
    known: dict[str, Stamp] = _read(place).get("files", {})
    found = {name: _stamp(file, known.get(name)) for name, file in files.items()}
    if found != known:
        _write(place, {"files": found})
    return _summed({name: stamp[3] for name, stamp in found.items()})


def _where(files: list[Path]) -> str:
    """A text for where these lie: a few are named one by one, of many their folder."""
    return repr(sorted(map(str, files))) if len(files) <= FEW else os.path.commonpath(files)


def _stamp(file: Path, known: Stamp | None) -> Stamp:
    state = os.stat(file)
    now = [state.st_size, state.st_mtime_ns, state.st_ctime_ns]  # nobody can set the last one back
    if known and known[:3] == now:
        return known
    with file.open("rb") as opened:
        return [*now, hashlib.file_digest(opened, "sha256").hexdigest()[:24]]


def _summed(files: dict[str, str]) -> Content:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(os.fsencode(name) + b"\0" + files[name].encode() + b"\0")
    return Content(whole.hexdigest()[:32], files)


def name_of(now: Content, cheap: str) -> str:
    """The name under which this content was first seen; else `cheap`, or more than that where others have that name."""
    if known := _read(_folder("contents") / f"{now.digest}.json").get("source"):
        return known
    taken = content_of(cheap)
    name = cheap if taken is None or taken.digest == now.digest else f"{cheap}#{now.digest[:12]}"
    remember(name, now)
    return name


def remember(name: str, now: Content) -> None:
    """Note that this content is known under a name."""
    _write(_folder("contents") / f"{now.digest}.json", {"source": name, "files": now.files})
    _write(_folder("names") / f"{_short(name)}.json", {"content": now.digest})


def content_of(name: str) -> Content | None:
    """What was in the files of this name; None where nobody noted it."""
    digest = _read(_folder("names") / f"{_short(name)}.json").get("content", "")
    files = _read(_folder("contents") / f"{digest}.json").get("files")
    return Content(digest, files) if files else None


def difference(before: Content, now: Content) -> str:
    """How two contents differ: `2 files added, 1 changed (cat/3.png, …) of 5,000; digest …, now …`."""
    added = sorted(now.files.keys() - before.files.keys())
    removed = sorted(before.files.keys() - now.files.keys())
    other = sorted(n for n in before.files.keys() & now.files.keys() if before.files[n] != now.files[n])
    kinds = (("added", added), ("removed", removed), ("changed", other))
    parts = [f"{len(names):,} {kind} ({_some(names)})" for kind, names in kinds if names]
    return (
        f"{', '.join(parts)} of {len(before.files):,} files; digest {before.digest[:12]} then, "
        f"{now.digest[:12]} now"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _folder(kind: str) -> Path:
    return paths.store_root() / "sources" / kind


def _read(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(file: Path, told: dict[str, Any]) -> None:
    with suppress(OSError):  # a store that cannot be written costs time, no more
        durable.write(file, json.dumps(told))
