"""Does a bundle with fitting digests and false contents stay outside?"""

import io
import json
import struct

import numpy as np
import pytest
from bundling import SOME, Files, place_of, refuse, resealed, sealed, zipped

from core import cases, runs, saved_views
from core.bundles import bundle


def note_of(files: Files) -> str:
    return next(n for n in files if n.startswith("runs/"))


def changed_run(**changes):
    def change(files: Files) -> Files:
        note = json.loads(files[note_of(files)])
        note["experiment"] |= changes
        return files | {note_of(files): json.dumps(note).encode()}

    return change


def array(place: str, name: str, value: np.ndarray):
    def change(files: Files) -> Files:
        buffer = io.BytesIO()
        np.save(buffer, value, allow_pickle=True)
        where = place_of(files, place)
        return resealed(files | {f"{where}/{name}.npy": buffer.getvalue()}, where, lambda meta: None)

    return change


def record(place: str, change):
    return lambda files: resealed(files, place_of(files, place), change)


def names_of_classes(names: list[str]):
    return record("load_dataset", lambda meta: meta["values"].update(class_names=names))


def renamed(files: Files) -> Files:
    place = place_of(files, "score_pairs")
    return {n.replace(place, f"score_pairs/{'0' * 32}"): c for n, c in files.items()}


def rows(**changes):
    def change(files: Files) -> Files:
        told = json.loads(files["casebook.json"])
        told["verdicts"][0] |= changes
        return files | {"casebook.json": json.dumps(told).encode()}

    return change


def view(**changes):
    def change(files: Files) -> Files:
        told = json.loads(files["casebook.json"])
        told["saved_views"][0] |= changes
        return files | {"casebook.json": json.dumps(told).encode()}

    return change


def many_views(files: Files) -> bytes:
    told = json.loads(files["casebook.json"])
    return json.dumps(told | {"saved_views": told["saved_views"] * (saved_views.MOST + 1)}).encode()


FALSE = {
    "a run under another name": lambda f: {
        n.replace(note_of(f), "runs/" + "0" * 12 + ".json"): c for n, c in f.items()
    },
    "a run with other settings": changed_run(training={"epochs": 3}),
    "a run with a setting that there is not": changed_run(evil=1),
    "a run with a title too long": changed_run(title="x" * 500),
    "a run that is a list": lambda f: f | {note_of(f): b"[]"},
    "a run with a date that is none": lambda f: (
        f | {note_of(f): f[note_of(f)].replace(b'"created": "2', b'"created": "<b>')}
    ),
    "a result under another key": renamed,
    "a result with another recipe": record("detect", lambda meta: meta["arguments"].append("x")),
    "a result of another version": record("score_pairs", lambda meta: meta.update(version=99)),
    "a record without a seal": lambda f: f | {f"{place_of(f, 'detect')}/meta.json": b"{}"},
    "a record that is no JSON": lambda f: f | {f"{place_of(f, 'detect')}/meta.json": b"{"},
    "a record that names files elsewhere": record(
        "detect", lambda meta: meta["files"].update({"../../../x": "0" * 64})
    ),
    "no record": lambda f: {n: c for n, c in f.items() if n != f"{place_of(f, 'detect')}/meta.json"},
    "a pickle": array("score_pairs", "values", np.array([{"a": 1}], dtype=object)),
    "scores of another type": array("score_pairs", "values", np.zeros((2, 300), np.float64)),
    "scores of another size": array("score_pairs", "values", np.zeros((2, 7), np.float32)),
    "labels out of range": array("load_dataset", "train.labels", np.full(300, 99, np.int64)),
    "poisons out of range": array("choose_poisons", "indices", np.full(25, 10**6, np.int64)),
    "queries of a class that there is not": array("affected_queries", "labels", np.full(2, 77, np.int64)),
    "weights that are none": lambda f: resealed(
        f | {f"{place_of(f, 'train')}/weights.safetensors": b"\xff" * 200},
        place_of(f, "train"),
        lambda m: None,
    ),
    "a header that promises too much": lambda f: resealed(
        f | {f"{place_of(f, 'train')}/weights.safetensors": struct.pack("<Q", 2**60)},
        place_of(f, "train"),
        lambda m: None,
    ),
    "class names that hide text": names_of_classes(["a\u202eb", *map(str, range(9))]),
    "class names that are numbers": record(
        "load_dataset", lambda meta: meta["values"].update(class_names=[1] * 10)
    ),
    "a set under another name": lambda f: f | {SOME: b"[1, 2]"},
    "a set that is no list": lambda f: f | {SOME: b'{"a": 1}'},
    "a note of unlearning that is none": lambda f: (
        f | {f"unlearned/{place_of(f, 'score_pairs')[12:]}/{'0' * 12}-0.json": b"{}"}
    ),
    "lacks what pages need": lambda f: {n: c for n, c in f.items() if not n.startswith("transform_queries/")},
    "a verdict on an image that there is not": rows(image=300),
    "a verdict about another case": rows(case_id="0" * 12),
    "a verdict that is none": rows(verdict="evil"),
    "a reviewer of many lines": rows(reviewer="a\nb"),
    "a reason too long": rows(reason="x" * 10_000),
    "a verdict that undoes itself": rows(undoes=1),
    "a verdict at no time": rows(at=float("nan")),
    "a view on another server": view(page="http://evil"),
    "a view with a nameless name": view(name="\u202e"),
    "a view whose address is a list": view(address="[]"),
    "a view whose address is deep": view(address=json.dumps({"case": {"a": 1}})),
    "a view whose address no text can hold": view(address='{"case": "\\ud800"}'),
    "a view whose address only Streamlit may write": view(address='{"Embed": "true"}'),
    "more views than a case may have": lambda f: f | {"casebook.json": many_views(f)},
    "a record without a time": record("score_pairs", lambda meta: meta.pop("created")),
    "a record whose seconds are words": record("train", lambda meta: meta.update(seconds="x")),
    "a record whose versions are words": record("score_pairs", lambda meta: meta.update(versions="x")),
    "transformations that are numbers": record(
        "transform_queries", lambda m: m["values"].update(transforms=[7] * len(m["values"]["transforms"]))
    ),
    "notes of the images that are numbers": record(
        "load_dataset", lambda meta: meta["values"].update(notes=[5])
    ),
    "queries that show a class that there is not": array(
        "affected_queries", "true_labels", np.full(2, 10**6)
    ),
    "copies of an image that there is not": array("transform_queries", "parent", np.full(16, 50)),
    "scores of other images": array("score_pairs", "parent", np.full(26, -1)),
    "an attack on a class that there is not": record(
        "choose_poisons", lambda meta: meta["values"].update(target_classes=[99])
    ),
    "triggered images that there are not": array("choose_poisons", "triggered_rows", np.full(120, 10**6)),
    "poisons of another size": array("choose_poisons", "images", np.zeros((25, 3, 4, 4), np.uint8)),
    "predictions of few images": array("evaluate", "test_predictions", np.zeros(3, np.int64)),
    "notes that are a list": lambda f: f | {"casebook.json": b"[]"},
    "notes with columns of their own": rows(evil=1),
}


@pytest.mark.parametrize("change", FALSE.values(), ids=FALSE.keys())
def test_false_contents_with_fitting_digests_are_refused_and_leave_nothing(
    change, files, elsewhere, tmp_path
):
    refuse(zipped(sealed(change(dict(files))), tmp_path / "x.zip"), elsewhere)


def test_an_honest_bundle_passes_the_same_way(files, elsewhere, tmp_path):
    bundle.open_bundle(zipped(sealed(dict(files)), tmp_path / "x.zip"), elsewhere)
    assert runs.state(cases.all_cases(elsewhere)[0].plan) == "complete"
