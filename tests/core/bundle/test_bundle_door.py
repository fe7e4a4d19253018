"""Does the door for archives keep hostile ones out, whole, for the right reason?"""

import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest
from bundling import SOME, Files, place_of, refuse, sealed, zipped

from core.bundles import bundle, bundle_door

NAMES = {
    "absolute": "/etc/passwd",
    "up": "../../evil",
    "up inside": "runs/../../evil.json",
    "up in a result": "train/" + "a" * 32 + "/../../evil.npy",
    "drive": "C:/evil.json",
    "drive and backslash": "C:\\evil.json",
    "backslash": "runs\\0123456789ab.json",
    "share": "//host/share/evil",
    "home": "~/.ssh/authorized_keys",
    "dot": "./manifest2.json",
    "double slash": "runs//0123456789ab.json",
    "hidden": ".bashrc",
    "script": "train/" + "a" * 32 + "/evil.py",
    "pickle": "train/" + "a" * 32 + "/weights.pkl",
    "nested archive": "case.zip",
    "nested in a result": "train/" + "a" * 32 + "/inner.zip",
    "database": "casebook.sqlite3",
    "jobs": "jobs/jobs.sqlite3",
    "stage of curvature": "fit_factors/" + "a" * 32 + "/meta.json",
    "unknown stage": "evil/" + "a" * 32 + "/meta.json",
    "short key": "train/abc/meta.json",
    "capital key": "train/" + "A" * 32 + "/meta.json",
    "file of another stage": "train/" + "a" * 32 + "/suspicion.npy",
    "newline": "runs/0123456789ab.json\n",
    "folder": "train/",
    "very long": "runs/" + "a" * 5000 + ".json",
    "other script": "runs/０123456789ab.json",
    "stream": "manifest.json:evil",
    "surrogate": "manifest.json\u202e",
}


def with_name(files: Files, name: str, path: Path) -> Path:
    return zipped(files | {name: b"{}"}, path)


def raw(path: Path, change) -> None:
    """The bytes of an archive, changed in place."""
    content = bytearray(path.read_bytes())
    path.write_bytes(bytes(change(content)))


def patched_central(content: bytearray, offset: int, form: str, value: int) -> bytearray:
    """A field of the first entry of the central directory overwritten."""
    struct.pack_into(form, content, content.index(b"PK\x01\x02") + offset, value)
    return content


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_that_is_not_ours_is_refused(name, files, elsewhere, tmp_path):
    refuse(with_name(files, name, tmp_path / "x.zip"), elsewhere)
    assert not (tmp_path / "evil").exists()


def mode(kind: int):
    def change(files: Files, path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name)
                entry.external_attr = (kind | 0o777) << 16 if name == "manifest.json" else 0
                archive.writestr(entry, content)

    return change


def named_twice(files: Files, path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name, content in [*files.items(), ("manifest.json", b"{}")]:
            archive.writestr(name, content)


def edited(change):
    def make(files: Files, path: Path) -> None:
        raw(zipped(files, path), change)

    return make


def packed(method: int):
    return lambda files, path: zipped(files, path, method)


def bomb(files: Files, path: Path) -> None:
    zipped(files | {f"{place_of(files, 'score_pairs')}/values.npy": b"\0" * 40_000_000}, path)


def bomb_of_text(files: Files, path: Path) -> None:
    zipped(files | {"casebook.json": b" " * 40_000_000}, path, zipfile.ZIP_STORED)


def many_small_bombs(files: Files, path: Path) -> None:
    zipped({f"sets/{n:032x}.json": b" " * 4_000_000 for n in range(60)} | files, path)


def lying_size(files: Files, path: Path) -> None:
    """A bomb whose headers say that it unpacks to ten bytes."""
    zipped(
        {"casebook.json": b"\0" * 40_000_000} | {n: c for n, c in files.items() if n != "casebook.json"}, path
    )
    raw(path, lambda c: patched_central(c, 24, "<L", 10))


def too_many(files: Files, path: Path) -> None:
    zipped({f"sets/{n:032x}.json": b"[]" for n in range(10_001)} | files, path, zipfile.ZIP_STORED)


def overlapping(files: Files, path: Path) -> None:
    """Many names for the same bytes, as in Fifield's bombs."""
    zipped(files, path)
    content = bytearray(path.read_bytes())
    start = content.index(b"PK\x01\x02")
    first = content[start : content.index(b"PK\x01\x02", start + 4)]
    struct.pack_into("<L", content, len(content) - 10, len(content) - 22 - start + 50 * len(first))
    for field in (8, 10):
        count = struct.unpack_from("<H", content, len(content) - 22 + field)[0]
        struct.pack_into("<H", content, len(content) - 22 + field, count + 50)
    path.write_bytes(content[:start] + first * 50 + content[start:])


HOSTILE = {
    "empty": lambda f, p: p.write_bytes(b""),
    "no archive": lambda f, p: p.write_bytes(b"hello" * 100),
    "a tar": lambda f, p: p.write_bytes(b"manifest.json".ljust(257, b"\0") + b"ustar" + b"\0" * 2000),
    "cut off": edited(lambda c: c[:-5000]),
    "nothing inside": lambda f, p: zipped({}, p),
    "something before": edited(lambda c: b"#!/bin/sh\n" + c),
    "something after": edited(lambda c: c + b"more"),
    "a comment": edited(lambda c: c[:-2] + b"\x02\x00hi"),
    "symbolic link": mode(stat.S_IFLNK),
    "device": mode(stat.S_IFCHR),
    "pipe": mode(stat.S_IFIFO),
    "folder bits": mode(stat.S_IFDIR),
    "named twice": named_twice,
    "encrypted": edited(lambda c: patched_central(c, 8, "<H", 1)),
    "strongly encrypted": edited(lambda c: patched_central(c, 8, "<H", 0x41)),
    "bzip2": packed(zipfile.ZIP_BZIP2),
    "lzma": packed(zipfile.ZIP_LZMA),
    "unknown packing": edited(lambda c: patched_central(c, 10, "<H", 99)),
    "several disks": edited(lambda c: c[:-18] + b"\x01\x00" + c[-16:]),
    "wrong checksum": edited(lambda c: patched_central(c, 16, "<L", 1)),
    "claims four gigabytes": edited(lambda c: patched_central(c, 24, "<L", 2**32 - 2)),
    "another name in front": edited(lambda c: c.replace(b"manifest.json", b"manifest.jsom", 1)),
    "offset beyond the end": edited(lambda c: patched_central(c, 42, "<L", 2**31)),
    "bomb": bomb,
    "endless text": bomb_of_text,
    "many small bombs": many_small_bombs,
    "a bomb that lies": lying_size,
    "too many entries": too_many,
    "overlapping entries": overlapping,
    "no manifest": lambda f, p: zipped({k: v for k, v in f.items() if k != "manifest.json"}, p),
    "manifest of something else": lambda f, p: zipped(
        f | {"manifest.json": b'{"format": 1, "files": {}}'}, p
    ),
    "manifest that is no JSON": lambda f, p: zipped(f | {"manifest.json": b"{"}, p),
    "manifest nested deeply": lambda f, p: zipped(f | {"manifest.json": b"[" * 100_000}, p),
    "manifest that is a list": lambda f, p: zipped(f | {"manifest.json": b"[]"}, p),
    "a newer format": lambda f, p: zipped(f | {"manifest.json": b'{"format": 2, "files": {}}'}, p),
    "an altered file": lambda f, p: zipped(f | {next(n for n in f if n.endswith("values.npy")): b"x"}, p),
    "a file too many": lambda f, p: zipped(f | {SOME: b"[]"}, p),
    "a file too few": lambda f, p: zipped({n: c for n, c in f.items() if not n.endswith("values.npy")}, p),
    "without a run": lambda f, p: zipped(sealed({n: c for n, c in f.items() if n[:5] != "runs/"}), p),
}


@pytest.mark.parametrize("attack", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_archive_is_refused_and_leaves_nothing(attack, files, elsewhere, tmp_path):
    attack(files, tmp_path / "x.zip")
    refuse(tmp_path / "x.zip", elsewhere)


def test_a_folder_and_a_missing_file_are_no_archives(elsewhere, tmp_path):
    refuse(tmp_path, elsewhere, "expected a file")
    refuse(tmp_path / "missing.zip", elsewhere, "expected a file")


def test_limits_hold_while_bytes_arrive(files, elsewhere, tmp_path, monkeypatch):
    path = zipped(dict(files), tmp_path / "x.zip")
    for name, value in (("MAX_BYTES", 10_000), ("MAX_ENTRIES", 5), ("MAX_TEXT", 100)):
        with monkeypatch.context() as patch:
            patch.setattr(bundle_door, name, value)
            refuse(path, elsewhere)


def test_what_a_killed_process_left_is_cleared(made, elsewhere):
    old = elsewhere.root / "arriving-tmpold"
    old.mkdir(parents=True)
    os.utime(old, (1, 1))
    bundle.open_bundle(made, elsewhere)
    assert not old.exists()
