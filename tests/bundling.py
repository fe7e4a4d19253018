"""Ways to write archives that are not honest, for the tests of case bundles."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from core.bundles import bundle
from core.bundles.bundle import BundleRefused
from core.store import Store

Files = dict[str, bytes]
SOME = "sets/" + "0" * 32 + ".json"


def left(store: Store) -> list[str]:
    return sorted(str(p.relative_to(store.root)) for p in store.root.rglob("*") if p.is_file())


def zipped(files: Files, path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def sealed(files: Files) -> Files:
    """The files with a manifest that fits them, as somebody would write who knows how."""
    told = json.loads(files["manifest.json"])
    rest = {name: content for name, content in files.items() if name != "manifest.json"}
    told["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in rest.items()}
    return rest | {"manifest.json": json.dumps(told).encode()}


def resealed(files: Files, place: str, change) -> Files:
    """One result's record changed and sealed anew, with digests of its files that fit."""
    meta = json.loads(files[f"{place}/meta.json"])
    change(meta)
    for name in meta["files"]:
        if f"{place}/{name}" in files:
            meta["files"][name] = hashlib.sha256(files[f"{place}/{name}"]).hexdigest()
    meta.pop("seal")
    seal = hashlib.sha256(json.dumps(meta, sort_keys=True).encode()).hexdigest()
    return sealed(files | {f"{place}/meta.json": json.dumps(meta | {"seal": seal}).encode()})


def place_of(files: Files, stage: str) -> str:
    return next(n.rpartition("/")[0] for n in files if n.startswith(f"{stage}/"))


def refuse(path: Path, store: Store, match: str | None = None) -> None:
    with pytest.raises(BundleRefused, match=match):
        bundle.open_bundle(path, store)
    assert left(store) == []
