"""Parquet files with columns that lie, lead elsewhere, or expand."""

import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hostile.corpus import Hostile, anything
from hostile.corpus.images import encoded

IMAGES = [encoded(Image.new("RGB", (8, 8), (30 * i, 9, 9))) for i in range(8)]
LABELS = [0, 1] * 4


def written(columns: dict[str, Any], metadata: dict[str, str] | None = None, **options: Any) -> bytes:
    """A parquet file of these columns."""
    table = pa.table(columns)
    sink = io.BytesIO()
    pq.write_table(table.replace_schema_metadata(metadata), sink, **options)
    pa.default_memory_pool().release_unused()  # what a child takes shall show
    return sink.getvalue()


def is_data(found: Any) -> bool:
    """Two classes of plain images, with clean names."""
    from core.safeload import clean_name

    return found.train.images.dtype == np.uint8 and all(clean_name(n) == n for n in found.class_names)


def inputs() -> Iterator[Hostile]:
    """All of them."""
    good = written({"image": IMAGES, "label": LABELS})
    yield Hostile("an honest table", "parquet", good, is_data)
    for what, columns in wrong().items():
        yield Hostile(f"a table with {what}", "parquet", written(columns))
    for what, labels in labelled().items():
        yield Hostile(f"labels that are {what}", "parquet", written({"image": IMAGES, "label": labels}))
    yield from odd()
    yield from bombs()
    rng = np.random.default_rng(2)
    for part in range(20):
        yield Hostile(f"a table cut at {5 * part}%", "parquet", good[: len(good) * part // 20])
    for number in range(25):
        data = bytearray(good)
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        data[-int(rng.integers(9, 600))] ^= 1 << int(rng.integers(8))
        yield Hostile(f"a table with bits flipped {number}", "parquet", bytes(data), is_data)
    for what, data in {
        "nothing": b"",
        "its marks alone": b"PAR1PAR1",
        "a footer of 2 GB told": b"PAR1" + bytes(90) + b"\xff\xff\xff\x7fPAR1",
        "an encrypted footer": b"PARE" + bytes(90) + b"\x10\0\0\0PARE",
        "a pickle": b"\x80\x04cos\nsystem\n(S'exit 99'\ntR.",
        "CSV": b"image,label\nx,1\n",
        "Feather": b"ARROW1\0\0" + bytes(90) + b"ARROW1",
    }.items():
        yield Hostile(f"{what} as a table", "parquet", data)


def wrong() -> dict[str, dict[str, Any]]:
    """Columns of another type."""
    nested = pa.array([{"a": [{"b": [1]}]}] * 8)
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    return {
        "no image column": {"label": LABELS},
        "no label column": {"image": IMAGES},
        "images that are texts": {"image": ["/etc/passwd"] * 8, "label": LABELS},
        "images that are numbers": {"image": LABELS, "label": LABELS},
        "images that are lists of bytes": {"image": [[i] for i in IMAGES], "label": LABELS},
        "nested images": {"image": nested, "label": LABELS},
        "images 60 lists deep": {"image": [deep] * 8, "label": LABELS},
        "paths alone": {"image": [{"path": "/etc/passwd"}] * 8, "label": LABELS},
        "paths and no bytes": {
            "image": pa.array(
                [{"bytes": None, "path": "/etc/passwd"}] * 8,
                pa.struct([("bytes", pa.binary()), ("path", pa.string())]),
            ),
            "label": LABELS,
        },
        "bytes that are a path": {"image": [b"/etc/passwd"] * 8, "label": LABELS},
        "nested labels": {"image": IMAGES, "label": nested},
        "images that are nothing": {"image": pa.nulls(8, pa.binary()), "label": LABELS},
        "no rows": {"image": pa.array([], pa.binary()), "label": pa.array([], pa.int64())},
        "one class": {"image": IMAGES, "label": [3] * 8},
        "bytes that are a struct": {"image": [{"bytes": {"bytes": i}} for i in IMAGES], "label": LABELS},
    }


def labelled() -> dict[str, Any]:
    """Labels that are none."""
    return {
        "floats": [0.5, 1.5] * 4,
        "truth values": [True, False] * 4,
        "negative": [-5, 3] * 4,
        "partly missing": [0, None] * 4,
        "bytes": [b"a", b"b"] * 4,
        "moments": pa.array([1, 2] * 4, pa.timestamp("s")),
        "above 2^63": pa.array([2**63 + 5, 2**64 - 1] * 4, pa.uint64()),
        "decimals": pa.array([1, 2] * 4).cast(pa.decimal128(20)),
        "texts of nothing": ["", "a"] * 4,
        "texts of 10 MB": ["a" * 10_000_000, "b"] * 4,
        "texts that look the same": ["cat\u200b", "cat"] * 4,
        "texts that look the same in another form": ["caf\u00e9", "cafe\u0301"] * 4,
        "texts that show nothing": ["\u200b", "\u3164"] * 4,
        "a dictionary of floats": pa.array([0.5, 1.5] * 4).dictionary_encode(),
        "lists": [[1], [2]] * 4,
        "one for each image": list(range(8)),
    }


def odd() -> Iterator[Hostile]:
    """Legal tables whose words are hostile."""
    names = {"info": {"features": {"label": {"names": ["<script>alert(1)</script>", "![x](//e.x/a)"]}}}}
    for what, told in {
        "markup": json.dumps(names),
        "100,000 levels": "[" * 100_000,
        "a number": "7",
        "names that are no texts": json.dumps({"info": {"features": {"label": {"names": [{}, []]}}}}),
        "one name for both": json.dumps({"info": {"features": {"label": {"names": ["a", "a"]}}}}),
        "too few names": json.dumps({"info": {"features": {"label": {"names": ["a"]}}}}),
        "names of 10,000 characters": json.dumps(
            {"info": {"features": {"label": {"names": ["a" * 10_000, "b" * 10_000]}}}}
        ),
    }.items():
        data = written({"image": IMAGES, "label": LABELS}, {"huggingface": told})
        yield Hostile(f"a table whose metadata are {what}", "parquet", data, is_data)
    yield Hostile("labels of 2^40", "parquet", written({"image": IMAGES, "label": [2**40, 3] * 4}), is_data)
    pickled = {
        "ARROW:extension:name": "arrow.py_extension_type",
        "ARROW:extension:metadata": "cos\nsystem\n(S'exit 99'\ntR.",
    }
    field = pa.field("image", pa.binary(), metadata=pickled)
    table = pa.table([IMAGES, LABELS], schema=pa.schema([field, pa.field("label", pa.int64())]))
    sink = io.BytesIO()
    pq.write_table(table, sink)
    yield Hostile("an extension type that is a pickle", "parquet", sink.getvalue(), is_data)
    path = [{"bytes": i, "path": f"../../{'x' * 5000}/{n}"} for n, i in enumerate(IMAGES)]
    yield Hostile("paths that lead out", "parquet", written({"image": path, "label": LABELS}), is_data)
    yield Hostile(
        "paths with markup", "parquet", written({"image": _paths("<b>{}/x"), "label": LABELS}), is_data
    )


def _paths(form: str) -> list[dict[str, Any]]:
    return [{"bytes": i, "path": form.format(label)} for i, label in zip(IMAGES, LABELS, strict=True)]


def bombs() -> Iterator[Hostile]:
    """Little that becomes much."""
    rows = 3_000_000
    none = pa.nulls(rows, pa.binary())
    yield Hostile(
        "three million rows of nothing", "parquet", written({"image": none, "label": pa.repeat(1, rows)})
    )
    yield Hostile("a hundred million labels", "parquet", lambda folder: _many(folder, 100_000_000))
    big = pa.array([bytes(60_000_000), IMAGES[0]])
    images = pa.DictionaryArray.from_arrays(pa.array([0] * 400 + [1] * 400), big)
    told = written({"image": images, "label": [0, 1] * 400}, store_schema=False, compression="zstd")
    yield Hostile("60 MB, 400 times over", "parquet", told, anything)
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 2_000), pa.array(["a" * 30_000_000, "b"]))
    told = written({"image": IMAGES * 500, "label": texts}, store_schema=False, compression="zstd")
    yield Hostile("a label of 30 MB, 2,000 times over", "parquet", told)
    path = pa.DictionaryArray.from_arrays(pa.array([0] * 4_000), pa.array(["p" * 30_000_000]))
    image = pa.StructArray.from_arrays([pa.array(IMAGES * 500), path], ["bytes", "path"])
    told = written({"image": image, "label": LABELS * 500}, store_schema=False, compression="zstd")
    yield Hostile("a path of 30 MB, 4,000 times over", "parquet", told, anything)
    for kind in ("zstd", "gzip", "brotli", "snappy"):
        zeros = written(
            {"image": [bytes(900_000_000), *IMAGES[1:]], "label": LABELS},
            compression=kind,
            use_dictionary=False,
        )
        yield Hostile(f"900 MB of zeros by {kind}", "parquet", zeros, anything)


def _many(folder: Any, rows: int) -> Any:
    schema = pa.schema([("image", pa.binary()), ("label", pa.int64())])
    part = pa.table(
        [pa.nulls(10_000_000, pa.binary()), pa.repeat(pa.scalar(1, pa.int64()), 10_000_000)], schema=schema
    )
    with pq.ParquetWriter(folder / "many.parquet", schema) as sink:
        for _ in range(rows // 10_000_000):
            sink.write_table(part)
    return folder / "many.parquet"
