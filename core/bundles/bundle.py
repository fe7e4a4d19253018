"""Case bundles: one zip file that holds an investigation, to be opened in another store without computing anything.

A bundle contains the truth: the poisoned training set is made from it. What comes in is unpacked beside the results,
checked as a whole, and only then moved in, one result at a time; what is there already is kept.
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core import durable, progress
from core.bundles import bundle_content, bundle_door, bundle_notes
from core.bundles.bundle_layout import CASEBOOK, FORMAT, MANIFEST, MAX_BYTES, MAX_RATIO, STAGES, BundleRefused
from core.cases import Case
from core.pipeline import plan
from core.runs import Run
from core.store import Store
from core.unlearned import outcome_jobs

__all__ = ["BundleRefused", "Contents", "Opened", "contents", "make", "open_bundle"]

CHUNK = 2**20
DATE = (1980, 1, 1, 0, 0, 0)
"""Of every entry, so that the same case gives the same file."""
ARRIVING = "arriving-"
OLD_SECONDS = 86_400


@dataclass(frozen=True)
class Contents:
    """What goes into a bundle, before it is made."""

    case: str
    files: dict[str, Path]
    texts: dict[str, bytes]

    @property
    def bytes(self) -> int:
        """Size before compression: the bundle is never larger than this and a little."""
        return sum(f.stat().st_size for f in self.files.values()) + sum(map(len, self.texts.values()))

    @property
    def digest(self) -> str:
        """32 hexadecimal digits that change with what is inside."""
        told = sorted(self.files) + [hashlib.sha256(t).hexdigest() for t in self.texts.values()]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()[:32]


def contents(case: Case, *, notes: bool = True) -> Contents:
    """Everything that opening the case needs, with verdicts and saved views unless `notes` says no.

    Raises BundleRefused for a case that is sealed, or not finished.
    """
    if case.sealed:
        raise BundleRefused(
            "a blind case cannot be bundled: a bundle contains the truth; share its link instead"
        )
    if lacking := case.unfinished:
        raise BundleRefused(f"{len(lacking)} results are still to be computed; compute the case first")
    store, files = case.plan.dataset.store, {}
    texts = {f"runs/{run.id}.json": _note(run) for run in case.variants}
    for run in case.variants:
        p = plan(run.experiment, store)
        for artifact in bundle_content.needed(p, outcome_jobs.noted(p)):
            if (folder := store.find(artifact)) is not None:
                name = f"{artifact.stage.name}/{artifact.stored_as}"
                files |= {f"{name}/{f.name}": f for f in sorted(folder.iterdir()) if f.is_file()}
        asked = sorted(outcome_jobs.folder(p).glob("*.json"))
        files |= {f"unlearned/{p.scores.stored_as}/{f.name}": f for f in asked}
    files |= _sets(files, store)
    if notes:
        rows = bundle_notes.collected(store.root, [run.id for run in case.variants])
        texts |= {CASEBOOK: json.dumps(rows, indent=1).encode()} if any(rows.values()) else {}
    return Contents(case.id, files, texts)


def _note(run: Run) -> bytes:
    told = {"created": run.created, "experiment": run.experiment.model_dump(mode="json")}
    return json.dumps(told, indent=1).encode()


def _sets(files: dict[str, Path], store: Store) -> dict[str, Path]:
    """The sets that people chose and that anything inside names."""
    told = "".join(f.read_text() for name, f in files.items() if name.startswith("unlearned/"))
    found = sorted((store.root / "sets").glob("*.json"))
    return {f"sets/{f.name}": f for f in found if f.stem in told}


def make(inside: Contents, target: Path) -> Path:
    """Write the bundle, streaming, whole or not at all; returns `target`."""
    if inside.bytes > MAX_BYTES:
        raise BundleRefused(
            f"{inside.bytes:,} bytes: a bundle has at most {MAX_BYTES:,}; copy the store instead"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", allowZip64=False) as archive:
            _write(inside, archive)
        durable.put(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _write(inside: Contents, archive: zipfile.ZipFile) -> None:
    digests: dict[str, str] = {}
    for number, (name, file) in enumerate(inside.files.items()):
        progress.update("bundle", number, len(inside.files))
        digests[name] = _add(archive, name, file)
    for name, text in inside.texts.items():
        digests[name] = hashlib.sha256(text).hexdigest()
        archive.writestr(zipfile.ZipInfo(name, DATE), text, zipfile.ZIP_DEFLATED)
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    told = {"format": FORMAT, "case": inside.case, "made": made, "files": digests}
    archive.writestr(zipfile.ZipInfo(MANIFEST, DATE), json.dumps(told, indent=1), zipfile.ZIP_DEFLATED)
    progress.update("bundle", len(inside.files), len(inside.files))


def _add(archive: zipfile.ZipFile, name: str, file: Path) -> str:
    entry, digest = zipfile.ZipInfo(name, DATE), hashlib.sha256()
    entry.compress_type, entry.file_size = _method(file), file.stat().st_size
    with archive.open(entry, "w") as sink:
        for block in _blocks(file):
            digest.update(block)
            sink.write(block)
    return digest.hexdigest()


def _method(file: Path) -> int:
    """How to pack a file: not at all where that gains little, or so much that a door would take it for a bomb."""
    packer, size = zlib.compressobj(1), file.stat().st_size
    packed = sum(len(packer.compress(block)) for block in _blocks(file)) + len(packer.flush())
    worth = MAX_RATIO / 4 * packed > size > 1.1 * packed
    return zipfile.ZIP_DEFLATED if worth else zipfile.ZIP_STORED


def _blocks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while block := source.read(CHUNK):
            yield block


@dataclass(frozen=True)
class Opened:
    """What came of opening a bundle."""

    runs: tuple[Run, ...]
    added: int
    kept: int
    """Results that were here already and stayed as they are."""
    notes: int
    """Rows of the casebook that were added."""


def open_bundle(archive: Path, store: Store, *, marks: bool = False) -> Opened:
    """Move what a bundle holds into the store. Raises BundleRefused, and then nothing of it is left behind.

    `marks`: reviewers get names that say where they come from, for nobody here writes under another's.
    """
    store.root.mkdir(parents=True, exist_ok=True)
    _remove_old(store.root)
    folder = Path(tempfile.mkdtemp(prefix=ARRIVING, dir=store.root))
    try:
        digests = bundle_door.unpack(archive, folder)
        found = bundle_content.check(folder, digests, store)
        notes = _notes(folder, found, store)
        notes = bundle_notes.marked(notes) if notes and marks else notes
        return _move_in(folder, found, notes, store)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_old(root: Path) -> None:
    """Clear what a process left that was ended while it unpacked."""
    for folder in root.glob(f"{ARRIVING}*"):
        with suppress(FileNotFoundError):  # another process opens a bundle too
            if time.time() - folder.stat().st_mtime > OLD_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)


def _notes(folder: Path, found: list[Run], store: Store) -> bundle_notes.Rows | None:
    if not (folder / CASEBOOK).exists():
        return None
    behind = Store(folder, shipped=(store.root, *store.shipped), computes=False)
    sizes = {run.id: len(plan(run.experiment, behind).dataset.value.train) for run in found}
    return bundle_notes.checked(bundle_content.read_json(folder / CASEBOOK), sizes)


def _move_in(folder: Path, found: list[Run], notes: bundle_notes.Rows | None, store: Store) -> Opened:
    """Results first, each by one rename; the notes of the runs last, so that a case appears only when it is whole."""
    results = [place for stage in STAGES for place in sorted((folder / stage).glob("*"))]
    moved = [_moved(place, store) for place in results]
    for file in (*folder.glob("sets/*.json"), *folder.glob("unlearned/*/*.json")):
        _copied(file, store.root / file.relative_to(folder))
    rows = bundle_notes.add(store.root, notes) if notes else 0
    known = {f.stem for root in (store.root, *store.shipped) for f in (root / "runs").glob("*.json")}
    for run in found:
        if run.id not in known:
            (folder / "runs" / f"{run.id}.json").write_bytes(_note(run))
            _copied(folder / "runs" / f"{run.id}.json", store.root / "runs" / f"{run.id}.json")
    return Opened(tuple(found), sum(moved), len(moved) - sum(moved), rows)


def _moved(place: Path, store: Store) -> bool:
    """Whether a result was new here."""
    name = Path(place.parent.name, place.name)
    if any((root / name / "meta.json").exists() for root in (store.root, *store.shipped)):
        return False
    try:
        durable.put(place, store.root / name)
    except OSError:  # somebody else made it in the meantime
        if not (store.root / name / "meta.json").exists():
            raise
        return False
    return True


def _copied(file: Path, target: Path) -> None:
    """Move a small file in, unless it is there."""
    if not target.exists():
        durable.put(file, target)
