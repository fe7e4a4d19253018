"""Zip files that lead elsewhere, unpack to too much, or say two things at once."""

import hashlib
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

from hostile.corpus import Hostile

GOOD = f"sets/{'0' * 32}.json"
OTHER = f"sets/{'1' * 32}.json"
LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
NAMES = {
    "up": "../evil.json",
    "up and up": f"sets/../../{GOOD}",
    "absolute": "/etc/cron.d/evil",
    "a drive": "C:\\evil.json",
    "a drive with slashes": "C:/Windows/evil.json",
    "backslashes": "sets\\..\\..\\evil.json",
    "UNC": "//server/share/evil.json",
    "a home": "~/evil.json",
    "NUL": f"{GOOD}\0.py",
    "a control character": f"sets/{'0' * 31}\n.json",
    "bidi": f"sets/{'0' * 31}\u202e.json",
    "full-width digits": f"sets/{'0' * 31}\uff10.json",
    "Arabic digits": f"unlearned/{'0' * 32}/{'0' * 12}-\u0663.json",
    "upper case": f"sets/{'A' * 32}.json",
    "a trailing dot": f"{GOOD}.",
    "60,000 characters": "sets/" + "0" * 60_000,
    "nothing": "",
    "code": "core/evil.py",
    "a pickle": f"train/{'0' * 32}/model.pkl",
    "a module's start": f"train/{'0' * 32}/sitecustomize.py",
    "a nested zip": f"sets/{'0' * 32}.zip",
    "a job table": "jobs.sqlite3",
    "the casebook itself": "casebook.sqlite3",
    "another stage": f"fit_everything/{'0' * 32}/meta.json",
    "a percent": f"sets/%2e%2e%2f{'0' * 23}.json",
}
MODES = {
    "link": stat.S_IFLNK,
    "device": stat.S_IFCHR,
    "block device": stat.S_IFBLK,
    "pipe": stat.S_IFIFO,
    "socket": stat.S_IFSOCK,
    "folder": stat.S_IFDIR,
}


def zipped(
    files: list[tuple[str, bytes]], change: Callable[[zipfile.ZipInfo], None] = lambda _: None
) -> bytes:
    """A zip file with these entries, each changed before it is written."""
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            change(entry)
            archive.writestr(entry, content)
    return packed.getvalue()


def inputs() -> Iterator[Hostile]:
    """All of them."""
    for what, name in NAMES.items():
        yield Hostile(f"a name with {what}", "archive", _named(name))
    yield from _kinds()
    yield from _twice()
    yield from _bombs()
    yield from _lies()
    yield from _around()
    for what, data in _whole_bundles().items():
        yield Hostile(what, "bundle", data)


def _named(name: str) -> bytes:
    """The name is put in byte by byte, for the library would mend it."""
    place = "x" * len(name.encode())
    return (
        zipped([(place, b"[]")]).replace(place.encode() or b"\xff\xfe", name.encode())
        if name
        else zipped([("", b"[]")])
    )


def _kinds() -> Iterator[Hostile]:
    for what, mode in MODES.items():

        def change(entry: zipfile.ZipInfo, mode: int = mode) -> None:
            entry.external_attr = (mode | 0o644) << 16

        yield Hostile(f"a {what}", "archive", zipped([(GOOD, b"/etc/passwd")], change))
    linked = zipped([(GOOD, b"../..")], lambda e: setattr(e, "external_attr", (stat.S_IFLNK | 0o777) << 16))
    yield Hostile("a link, then through it", "archive", linked)
    for bit, what in ((0x1, "encrypted"), (0x40, "strongly encrypted"), (0x2000, "with a hidden directory")):
        data = bytearray(zipped([(GOOD, b"[]")]))
        data[data.index(LOCAL) + 6 : data.index(LOCAL) + 8] = struct.pack("<H", bit)
        data[data.index(CENTRAL) + 8 : data.index(CENTRAL) + 10] = struct.pack("<H", bit)
        yield Hostile(what, "archive", bytes(data))
    for method in (1, 9, 12, 14, 93, 95, 97, 98, 99):
        data = bytearray(zipped([(GOOD, b"[]")]))
        data[data.index(LOCAL) + 8] = data[data.index(CENTRAL) + 10] = method
        yield Hostile(f"packed by method {method}", "archive", bytes(data))


def _twice() -> Iterator[Hostile]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield Hostile("one name twice", "archive", zipped([(GOOD, b"[]"), (GOOD, b"[1]")]))
        both = [(f"sets/{'a' * 32}.json", b"[]"), (f"sets/{'A' * 32}.json", b"[1]")]
        yield Hostile("one name in two cases", "archive", zipped(both))
        same = [("sets/caf\u00e9.json", b"[]"), ("sets/cafe\u0301.json", b"[]")]
        yield Hostile("one name in two normal forms", "archive", zipped(same))
        yield Hostile(
            "a file and a folder of one name", "archive", zipped([(GOOD, b"[]"), (f"{GOOD}/x", b"[]")])
        )


def _bombs() -> Iterator[Hostile]:
    yield Hostile("1 GB of zeros in 1 MB", "archive", lambda folder: _zeros(folder, 1_000))
    yield Hostile(
        "30 times 8 MB of blanks",
        "archive",
        zipped([(f"sets/{n:032x}.json", b" " * 8_000_000) for n in range(30)]),
    )
    inner = zipped([(GOOD, bytes(10_000_000))])
    yield Hostile("zips in a zip", "archive", zipped([(f"sets/{n:032x}.zip", inner) for n in range(9)]))
    yield Hostile("entries that share their bytes", "archive", _overlapping(3_000))
    yield Hostile(
        "12,000 empty entries", "archive", zipped([(f"sets/{n:032x}.json", b"") for n in range(12_000)])
    )
    yield Hostile("one million entries told", "archive", _told(entries=65_535))
    yield Hostile("a directory of 4 GB told", "archive", _told(length=2**32 - 1))


def _zeros(folder: Any, megabytes: int) -> Any:
    with zipfile.ZipFile(folder / "zeros.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"score_pairs/{'0' * 32}/values.npy")
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as sink:
            for _ in range(megabytes):
                sink.write(bytes(2**20))
    return folder / "zeros.zip"


def _overlapping(times: int) -> bytes:
    """Many names for one packed megabyte: the quoted-overlap bomb of D. Fifield, without the quoting."""
    data = zipped([(GOOD, b" " * 1_000_000)])
    at, end = data.index(CENTRAL), data.index(END)
    entry = data[at:end]
    many = b"".join(entry.replace(GOOD.encode(), f"sets/{n:032x}.json".encode()) for n in range(times))
    tail = struct.pack("<4s4H2LH", END, 0, 0, times, times, len(many), at, 0)
    return data[:at] + many + tail


def _told(entries: int = 1, length: int | None = None) -> bytes:
    data = bytearray(zipped([(GOOD, b"[]")]))
    at = data.index(END)
    struct.pack_into("<HH", data, at + 8, entries, entries)
    if length is not None:
        struct.pack_into("<L", data, at + 12, length)
    return bytes(data)


def _patched(of: bytes, mark: bytes, offset: int, form: str, value: int) -> bytes:
    data = bytearray(of)
    struct.pack_into(form, data, data.index(mark) + offset, value)
    return bytes(data)


def _lies() -> Iterator[Hostile]:
    honest = zipped([(GOOD, b"[1, 2, 3]" * 100)])
    for what, mark, offset, form, value in (
        ("a check sum that is wrong", CENTRAL, 16, "<L", 1),
        ("a packed size that is too large", CENTRAL, 20, "<L", 2**31),
        ("a packed size that is too small", CENTRAL, 20, "<L", 3),
        ("a size that is too large", CENTRAL, 24, "<L", 2**31),
        ("a size that asks for the 64-bit form", CENTRAL, 24, "<L", 2**32 - 1),
        ("a size that is too small", CENTRAL, 24, "<L", 1),
        ("an extra field past the end", CENTRAL, 30, "<H", 60_000),
        ("a comment past the end", CENTRAL, 32, "<H", 60_000),
        ("a start past the end", CENTRAL, 42, "<L", 2**31),
        ("a start inside the directory", CENTRAL, 42, "<L", honest.index(CENTRAL)),
        ("a local name of another length", LOCAL, 26, "<H", 3),
        ("a local extra field past the end", LOCAL, 28, "<H", 60_000),
        ("a second disk", END, 4, "<H", 1),
        ("a directory on another disk", END, 6, "<H", 1),
        ("more entries here than in all", END, 8, "<H", 7),
        ("a directory that starts elsewhere", END, 16, "<L", 5),
        ("a comment that is not there", END, 20, "<H", 100),
    ):
        yield Hostile(what, "archive", _patched(honest, mark, offset, form, value), _is_honest)
    renamed = honest.replace(GOOD.encode(), OTHER.encode(), 1)
    yield Hostile("one name in front, another in the directory", "archive", renamed)
    streamed = _patched(honest, CENTRAL, 8, "<H", 0x8)
    yield Hostile("sizes said to come later", "archive", _patched(streamed, CENTRAL, 24, "<L", 1))
    lie = struct.pack("<HHQQQ", 1, 24, 2**62, 2**62, 0)
    yield Hostile("64-bit sizes that lie", "archive", _patched(_extra(lie), CENTRAL, 24, "<L", 2**32 - 1))


def _is_honest(told: dict[str, str]) -> bool:
    """What was unpacked is what was packed."""
    return told == {GOOD: hashlib.sha256(b"[1, 2, 3]" * 100).hexdigest()}


def _extra(field: bytes) -> bytes:
    return zipped([(GOOD, b"[]")], lambda entry: setattr(entry, "extra", field))


def _around() -> Iterator[Hostile]:
    honest = zipped([(GOOD, b"[]")])
    yield Hostile("something in front", "archive", b"#!/bin/sh\nexit\n" + honest)
    yield Hostile("something behind", "archive", honest + b"evil")
    yield Hostile("something between", "archive", honest.replace(CENTRAL, b"evil" + CENTRAL, 1))
    yield Hostile("a zip behind a zip", "archive", honest + zipped([(OTHER, b"[]")]))
    yield Hostile("a PNG in front", "archive", b"\x89PNG\r\n\x1a\n" + honest)
    commented = BytesIO(honest)
    with zipfile.ZipFile(commented, "a") as archive:
        archive.comment = END + bytes(18)
    yield Hostile("an end inside its comment", "archive", commented.getvalue())
    yield Hostile("nothing", "archive", b"")
    yield Hostile("an empty zip", "archive", END + bytes(18))
    yield Hostile("a tar", "archive", b"evil".ljust(257) + b"ustar" + bytes(800))
    for part in range(1, 20):
        yield Hostile(f"cut at {5 * part}%", "archive", honest[: len(honest) * part // 20])


def _whole_bundles() -> dict[str, bytes]:
    """Archives that the door lets through and the content check must not."""
    deep = b"[" * 100_000 + b"]" * 100_000
    return {
        "a bundle without a manifest": zipped([(GOOD, b"[]")]),
        "a manifest that is no JSON": zipped([("manifest.json", b"{")]),
        "a manifest 100,000 deep": zipped([("manifest.json", deep)]),
        "a manifest that is a list": zipped([("manifest.json", b"[]")]),
        "a manifest of files that are not there": zipped(
            [("manifest.json", b'{"format": 1, "files": {"x": "0"}}')]
        ),
        "a bundle of nothing": zipped([("manifest.json", b'{"format": 1, "files": {}}')]),
        "a manifest in UTF-16": zipped([("manifest.json", '{"format": 1}'.encode("utf-16"))]),
        "a format of a number with 5,000 digits": zipped(
            [("manifest.json", b'{"format": ' + b"9" * 5000 + b"}")]
        ),
    }
