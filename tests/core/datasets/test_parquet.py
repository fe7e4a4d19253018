"""A user's parquet files: columns, class names, bad rows."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from core.datasets import load_dataset
from core.datasets.parquet import Parquet


def encoded(value):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 36), (value, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


IMAGES = [encoded(20 * i) for i in range(12)]


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write images.parquet (or another file) into the data folder."""
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path))

    def write(labels, images=IMAGES, paths=None, names=None, file="images.parquet", **columns):
        if paths is not None:
            pairs = zip(images, paths, strict=False)
            images = [{"bytes": image, "path": path} for image, path in pairs]
        table = pa.table({"image": images, "label": labels} | columns)
        if names:
            features = {"label": {"names": names, "_type": "ClassLabel"}}
            table = table.replace_schema_metadata(
                {"huggingface": json.dumps({"info": {"features": features}})}
            )
        pq.write_table(table, tmp_path / file)

    return write


def test_number_labels_without_names_are_named_by_their_numbers(write):
    write([7, 3, 5] * 4)
    data = load_dataset(Parquet())
    assert data.class_names == ("3", "5", "7")
    assert (len(data.train), len(data.test)) == (9, 3)


def test_text_labels_name_the_classes(write):
    write(["wolf", "dog"] * 6)
    data = Parquet(test_share=0.5).read()
    assert data.class_names == ("dog", "wolf") and data.train.labels.sum() == 3


def test_names_come_from_hugging_face_metadata(write):
    write([0, 2] * 6, names=["zero", "one", "t\u202ewo"])
    assert Parquet().read().class_names == ("zero", "two")


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["chain_saw/n1.JPEG", "church/n2.JPEG"], ("chain saw", "church")),
        (["cat_12.png", "dog-7.png"], ("cat", "dog")),
        (["same/1.png", "same/2.png"], ("0", "1")),
        ([None, None], ("0", "1")),
    ],
)
def test_names_come_from_paths_that_tell_the_classes_apart(write, paths, names):
    write([0, 1] * 6, paths=paths * 6)
    assert Parquet().read().class_names == names


def test_a_test_file_is_used_as_it_is(write):
    write([4, 9] * 6)
    write([9, 4, 9], images=IMAGES[:3], file="other.parquet")
    data = load_dataset(Parquet(test_path="other.parquet"))
    assert len(data.train) == 12 and data.test.labels.tolist() == [1, 0, 1]


def test_a_test_label_without_training_images_is_an_error(write):
    write([0, 1] * 6)
    write([0, 2], images=IMAGES[:2], file="other.parquet")
    with pytest.raises(ValueError, match=r"labels \[2\] have no training image"):
        Parquet(test_path="other.parquet").read()


def test_unreadable_images_are_left_out_and_named_by_row(write):
    write([0, 1] * 6, images=[*IMAGES[:5], b"no image", *IMAGES[6:10], None, IMAGES[11]])
    data = Parquet().read()
    assert len(data.train) + len(data.test) == 10
    assert data.notes[0].startswith(
        "2 of 12 images could not be read and were left out: row 5: expected a whole"
    )
    assert "row 10: expected bytes, found none" in data.notes[0]


def test_other_columns_can_be_named(write):
    write([0] * 12, img=IMAGES, fine=[0, 1] * 6)
    assert Parquet(image_column="img", label_column="fine").read().class_names == ("0", "1")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"labels": [0, 1] * 6}, "column 'image' is double, expected binary or struct"),
        (
            {"labels": [0.5] * 12, "images": IMAGES},
            "column 'label' is double, expected whole numbers or text",
        ),
        ({"labels": [0, None] * 6, "images": IMAGES}, r"6 rows have no label, first \[1, 3, 5, 7, 9\]"),
        ({"labels": [0, -1] * 6, "images": IMAGES}, "6 rows have no label"),
    ],
)
def test_wrong_columns_are_explained(write, columns, message):
    write(columns["labels"], images=columns.get("images", [0.5] * 12))
    with pytest.raises(ValueError, match=message):
        Parquet().read()


def test_a_missing_column_lists_the_columns(write):
    write([0, 1] * 6)
    with pytest.raises(ValueError, match=r"one column 'digit' among \['image', 'label'\]"):
        Parquet(label_column="digit").read()


def test_a_file_that_is_no_parquet_is_an_error(write, tmp_path):
    write([0, 1] * 6)
    (tmp_path / "images.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(ValueError, match="cannot be read as a parquet file"):
        Parquet().read()


def test_a_file_damaged_in_the_middle_is_an_error(write, tmp_path):
    write([0, 1] * 6)
    content = bytearray((tmp_path / "images.parquet").read_bytes())
    content[10:400] = bytes(390)
    (tmp_path / "images.parquet").write_bytes(content)
    with pytest.raises(ValueError, match=r"images\.parquet: cannot be read as a parquet file"):
        Parquet().read()


def test_images_that_would_not_fit_into_memory_are_refused_before_reading(write):
    n = 60_000
    write(np.arange(n) % 2, images=pa.array([b""] * n, pa.binary()))
    with pytest.raises(ValueError, match="expected at most 8 GiB"):
        Parquet(size=224).read()
