"""Experiment files, single settings, and settings that name files."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core import paths
from core.experiment import Experiment
from hostile.corpus import Hostile, anything

BASE = (paths.EXPERIMENTS / "digits-badnet.toml").read_text()
WHO = {"attack": "unknown", "queries": {"source": "test", "row": 0}}


def same_again(found: Any) -> bool:
    """Reads back equal, and says nothing that could move or hide text."""
    return Experiment.checked(__import__("tomllib").loads(found.to_toml())) == found


def inputs() -> Iterator[Hostile]:
    """All of them."""
    for what, text in files().items():
        yield Hostile(f"a file with {what}", "experiment", text if isinstance(text, bytes) else text.encode())
    for text in SETTINGS:
        yield Hostile(f"--set {text[:60]}", "setting", text)
    for text in HARMLESS:
        yield Hostile(f"--set {text[:60]}", "setting", text, same_again)
    yield from places()


def files() -> dict[str, str | bytes]:
    """TOML that is none, or none of ours."""
    return {
        "nothing": "",
        "10 MB of comments": BASE + "#" * 10_000_000,
        "10 MB of keys": "\n".join(f"k{n} = 1" for n in range(700_000)),
        "lists 100,000 deep": "x = " + "[" * 100_000 + "]" * 100_000,
        "tables 10,000 deep": "x = " + "{a = " * 10_000 + "1" + "}" * 10_000,
        "a dotted key of 20,000 parts": "x" + ".a" * 20_000 + " = 1",
        "2,000 dotted keys of 200 parts": "\n".join(f"x{'.a' * 200}.b{n} = 1" for n in range(2_000)),
        "NUL": "title = '\0'",
        "UTF-16": BASE.encode("utf-16"),
        "bytes that are no text": b"\xff\xfe\xfa",
        "a byte order mark": b"\xef\xbb\xbf" + BASE.encode(),
        "JSON": '{"title": "x"}',
        "YAML with a command": "!!python/object/apply:os.system ['exit 99']",
        "a key twice": BASE + "\n[dataset]\nname = 'digits'",
        "an unknown key": "evil = 1\n" + BASE,
        "300,000 unknown keys": "\n".join(f"k{n} = 1" for n in range(90_000)) + "\n" + BASE,
        "an unknown key with markup": '"<script>alert(1)</script>![x](//e.x)" = 1\n' + BASE,
        "an unknown key with escapes": '"\\u001b[31m\\u202e" = 1\n' + BASE,
        "a title of 10,000 characters": "title = '" + "x" * 10_000 + "'\n" + BASE.split("\n", 1)[1],
        "a number of 5,000 digits": "seed = " + "9" * 5000 + "\n" + BASE,
    }


SETTINGS = [
    *(
        f"training.epochs={v}"
        for v in ("nan", "inf", "-1", "0", "1e400", "9" * 400, "[]", "{}", "'a'", "1.5")
    ),
    *(f"training.learning_rate={v}" for v in ("nan", "inf", "-inf", "0", "1e9", "'a'", "[[[]]]")),
    *(f"attack.n_poisons={v}" for v in ("-1", "nan", "9" * 30)),
    *(f"factors.max_examples={v}" for v in ("nan", "-1", "0", "9" * 400)),
    *(f"scores.damping={v}" for v in ("nan", "inf", "-1", "0", "'x'")),
    *(f"training.seed={v}" for v in ("-1", "nan", "9" * 400, "1.5")),
    *(f"dataset.train_limit={v}" for v in ("-1", "1e12", "9" * 40)),
    *(f"dataset.mean={v}" for v in ("[nan, 0, 0]", "[inf, 0, 0]", "[1, 2]", "[[1], [2], [3]]")),
    *(
        f"dataset.name={v}"
        for v in ("'../../etc/passwd'", "'os'", "'__init__'", "1", "[]", "'" + "x" * 9000 + "'")
    ),
    *(f"model.name={v}" for v in ("'core.models'", "''", "'\\u202e'", "{}")),
    "model.width=" + "9" * 30,
    "model.__class__=1",
    "__proto__.x=1",
    "detectors.999=1",
    "detectors.0.name='os'",
    "detectors=" + "[" * 50_000,
    "x" + ".a" * 5_000 + "=1",
    "transforms.names=['__import__']",
    "transforms.n_transforms=9999999",
    "queries.row=-5",
    "queries.source='upload'",
    "training.digest='" + "0" * 31 + "/'",
    "no equals sign",
    "=",
    "title=" + "9" * 5000,
    "unlearn_after=['<b>']",
    "frequency.max_images=" + "9" * 30,
    "description='" + "x" * 3000 + "'",
]
"""Values that no setting may have."""

HARMLESS = [
    "title='<script>alert(1)</script>'",
    "title='![x](//e.x/a.png)'",
    "title='=HYPERLINK(1)'",
    'title="""\'\'\'"""',
    "description='\\u0000'",
    "training.epochs=3",
    "training.epochs=true",
    "attack.n_poisons=1e9",
]
"""Words of people: let in as they are, quoted by whoever shows them."""


def places() -> Iterator[Hostile]:
    """Settings that name a file, where there is none or none that may be read."""
    names = {
        "a URL": "file:///etc/passwd",
        "a web address": "https://example.org/x",
        "a home of nobody": "~nobody-of-that-name/x",
        "NUL": "a\0b",
        "4,000 characters": "a" * 4000,
        "4,000 folders": "a/" * 2000,
        "up and up": "../../../../../../../../etc",
        "the machine's users": "/etc/passwd",
        "its own memory": "/proc/self/mem",
        "a device": "/dev/zero",
        "escapes": "\x1b[31mx",
        "bidi": "a\u202eb",
        "half a surrogate": "a\udc80b",
    }
    for what, path in names.items():
        yield Hostile(f"a folder at {what}", "located", {"dataset": {"name": "folder", "path": path}})
        yield Hostile(
            f"a table at {what}",
            "located",
            {"dataset": {"name": "parquet", "path": path}},
            anything if path == "/etc/passwd" else None,
        )
        yield Hostile(f"an image at {what}", "located", WHO | {"queries": {"source": "upload", "file": path}})
        yield Hostile(f"weights at {what}", "located", WHO | {"training": {"file": path}})
    for what, make in {"a link out": _link, "a path out": lambda folder: str(_outside(folder))}.items():
        yield Hostile(
            f"{what} of the data folder, where only it is open", "located", lambda f, m=make: _closed(m(f))
        )
    yield Hostile("a path inside it", "located", lambda folder: _closed(_inside(folder)), anything)


def _closed(path: str) -> dict[str, Any]:
    os.environ["INFLUENCE_DATA_ONLY"] = "1"
    return {"dataset": {"name": "parquet", "path": path}}


def _outside(folder: Path) -> Path:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "secret.parquet").write_bytes(b"PAR1")
    return folder / "secret.parquet"


def _link(folder: Path) -> str:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "t.parquet").symlink_to(_outside(folder))
    return "t.parquet"


def _inside(folder: Path) -> str:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "t.parquet").write_bytes(b"PAR1")
    return "t.parquet"
