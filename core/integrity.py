"""The record of a stored result, and whether its files are those that were written for exactly this result.

The record (meta.json) names the result by its recipe and every file by its digest, and is sealed by a digest itself. That
finds damage and mix-ups; it is no signature, a forger can seal too.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

RECORD = "meta.json"
FORMAT = 1
"""Of the record and the files; raised when older programs would misread them."""
Stamp = tuple[tuple[str, int, int, int], ...]


class ArtifactDamaged(Exception):
    """A stored result does not match the digest it was written with, or is another one; `folder` is where it lies."""

    def __init__(self, message: str, folder: Path | None = None) -> None:
        super().__init__(message)
        self.folder = folder


def key_of(stage: str, version: int, arguments: list[Any]) -> str:
    """32 hexadecimal digits that name what a stage makes of its arguments."""
    parts = [stage, version, arguments]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def sealed(meta: dict[str, Any]) -> dict[str, Any]:
    """The record with its seal."""
    return meta | {"seal": _seal(meta)}


def digests(folder: Path) -> dict[str, str]:
    """Digest of every file of a result, by name."""
    return {str(path.relative_to(folder)): _digest(path) for path in _files(folder)}


def record(folder: Path) -> dict[str, Any]:
    """The record of a result, as it was sealed. Raises ArtifactDamaged."""
    try:
        meta = json.loads((folder / RECORD).read_bytes())
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, RECORD, f"is not JSON ({str(error)[:80]})") from error
    _check_seal(folder, meta)
    return meta


def check_integrity(folder: Path, meta: dict[str, Any]) -> None:
    """Raise ArtifactDamaged when a file of the result, or its record, is missing, altered, or one too many."""
    _check_seal(folder, meta)
    named, there = meta["files"], {str(path.relative_to(folder)) for path in _files(folder)}
    of = f"since {meta['stage']} {meta['key']} was computed"
    for name, digest in named.items():
        if name not in there:
            raise _damaged(folder, name, f"is missing {of}")
        if _digest_or_damage(folder, name) != digest:
            raise _damaged(folder, name, f"was altered {of}")
    if stray := sorted(there - set(named)):
        raise _damaged(folder, stray[0], f"was added {of}")


def check_identity(folder: Path, meta: dict[str, Any], *, stage: str, version: int, key: str) -> None:
    """Raise ArtifactDamaged unless the record is that of this result, written in a format that is read here."""
    if (told := meta.get("format", FORMAT)) != FORMAT:
        raise _damaged(
            folder, RECORD, f"has format {told!r}, this program reads format {FORMAT}; update the program"
        )
    made = key_of(meta.get("stage", ""), meta.get("version", 0), meta.get("arguments", []))
    if (meta.get("stage"), meta.get("version"), meta.get("key"), made) != (stage, version, key, key):
        found = f"{meta.get('stage')} {meta.get('key')}, version {meta.get('version')}"
        raise _damaged(
            folder,
            RECORD,
            f"is the record of another result ({found}), not of {stage} {key}, version {version}",
        )


def stamp(folder: Path) -> Stamp:
    """Size, time and place on disk of every file: changes when one is replaced, costs no reading. Empty when gone."""
    try:
        return tuple(_state(folder, path) for path in (*_files(folder), folder / RECORD))
    except OSError:
        return ()


def _state(folder: Path, path: Path) -> tuple[str, int, int, int]:
    told = path.stat()
    return str(path.relative_to(folder)), told.st_size, told.st_mtime_ns, told.st_ino


def _check_seal(folder: Path, meta: Any) -> None:
    if not isinstance(meta, dict) or meta.get("seal") != _seal(meta):
        raise _damaged(folder, RECORD, "was altered since the result was computed")
    if not isinstance(meta.get("files"), dict) or not {"stage", "key", "values"} <= meta.keys():
        raise _damaged(folder, RECORD, "is no record that this program reads")


def _damaged(folder: Path, name: str, how: str) -> ArtifactDamaged:
    return ArtifactDamaged(f"{folder / name}: {how}", folder)


def _files(folder: Path) -> list[Path]:
    """Every file but the record; file managers and file systems leave hidden ones, which nobody here reads."""
    found = (p for p in folder.rglob("*") if not p.is_dir() and not p.name.startswith("."))
    return sorted(p for p in found if p != folder / RECORD)


def _digest_or_damage(folder: Path, name: str) -> str:
    try:
        return _digest(folder / name)
    except (PermissionError, FileNotFoundError):
        raise  # somebody else's file, or just set aside by another process
    except OSError as error:  # the disk itself
        raise _damaged(folder, name, f"cannot be read ({error.strerror})") from error


def _digest(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _seal(meta: dict[str, Any]) -> str:
    rest = {name: value for name, value in meta.items() if name != "seal"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
