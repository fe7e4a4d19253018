"""Is any image a question like the case's own: named, kept, read, and investigated under keys of its own?"""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core import picks, safeload
from core.artifacts import ORIGINAL
from core.experiment import Experiment
from core.picks import OWN, UNKNOWN, Pick, keep_upload, picked
from core.pipeline import investigate
from core.queries import picked_queries
from core.safeload import ImageRefused


def file_of(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels.transpose(1, 2, 0)).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def read(tiny):
    """The query that a pick becomes in the tiny case."""

    def read(pick: Pick):
        x = tiny.experiment
        return picked_queries(pick, x.model, tiny.victim.value, tiny.dataset.value, tiny.poisoning.value)

    return read


@pytest.mark.parametrize("text", ["test-0", "test-17-as-3", "triggered-5", f"upload-{'0a' * 16}-as-9"])
def test_an_address_names_an_image_and_back(text):
    assert Pick.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "test",
        "test--1",
        "test-1x",
        "test-1-as-",
        "train-3",
        "upload-ab",
        "../../etc/passwd",
        "test-" + "9" * 40,
    ],
)
def test_an_address_that_names_no_image_is_an_error(text):
    with pytest.raises(ValueError, match="expected for example test-17"):
        Pick.parse(text)


@pytest.mark.parametrize("fields", [{"source": "test"}, {"source": "upload", "row": 3}, {"source": "upload"}])
def test_a_pick_names_exactly_one_image(fields):
    with pytest.raises(ValueError, match="need a row, upload a digest"):
        Pick(**fields)


def test_a_test_image_is_asked_about_as_the_victim_reads_it(tiny, read):
    found, test = read(Pick(source="test", row=7)), tiny.dataset.value.test
    assert np.array_equal(found.images[0], test.images[7].astype(np.float32) / 255)
    assert found.labels[0] == found.probabilities[0].argmax() == tiny.before.value.test_predictions[7]
    assert (found.true_labels[0], found.test_rows[0], found.parent[0]) == (test.labels[7], 7, ORIGINAL)
    assert read(Pick(source="test", row=7, label=4)).labels.tolist() == [4]


def test_an_attacked_image_is_the_one_that_the_case_itself_would_show(tiny, read):
    own = tiny.queries.value
    found = read(Pick(source="triggered", row=int(own.test_rows[1])))
    assert np.array_equal(found.images[0], own.images[1])
    assert (found.labels[0], found.true_labels[0]) == (own.labels[1], own.true_labels[1])


def test_an_image_or_label_that_the_case_does_not_have_is_named(read):
    with pytest.raises(ValueError, match="test row=999: there is no such image; the last is 119"):
        read(Pick(source="test", row=999))
    with pytest.raises(ValueError, match=r"label=10.*the case has 10 classes"):
        read(Pick(source="test", row=1, label=10))


def test_an_upload_is_kept_under_its_digest_and_read_as_what_it_shows(tiny, read, store_root):
    image = tiny.dataset.value.test.images[7]
    pick = keep_upload(file_of(image), 32)
    assert (store_root / "uploads" / f"{pick.digest}.png").exists()
    found = read(pick)
    assert np.array_equal(found.images, read(Pick(source="test", row=7)).images)
    assert (found.true_labels[0], found.test_rows[0]) == (UNKNOWN, UNKNOWN)
    assert keep_upload(file_of(image, "WEBP"), 32).source == "upload"
    assert keep_upload(file_of(image), 32) == pick


def test_an_upload_enters_by_the_one_door_alone(monkeypatch, store_root):
    with pytest.raises(ImageRefused):
        keep_upload(b"GIF89a" + b"\0" * 100, 32)
    monkeypatch.setattr(safeload, "read_image", lambda data, size: np.full((3, size, size), 9, np.uint8))
    keep_upload(b"anything", 16)
    assert [f.suffix for f in (store_root / "uploads").iterdir()] == [".png"]


def test_an_upload_that_is_gone_or_altered_is_not_used(tiny, read, store_root):
    pick = keep_upload(file_of(tiny.dataset.value.test.images[7]), 32)
    other = keep_upload(file_of(tiny.dataset.value.test.images[8]), 32)
    folder = store_root / "uploads"
    (folder / f"{other.digest}.png").rename(folder / f"{pick.digest}.png")
    with pytest.raises(ValueError, match=r"was altered.*upload the image again"):
        read(pick)
    with pytest.raises(FileNotFoundError, match="upload it again"):
        read(other)


def test_an_upload_of_another_case_with_other_sizes_is_refused(tiny, read):
    with pytest.raises(ValueError, match=r"image \(3, 16, 16\).*pick again"):
        read(keep_upload(file_of(tiny.dataset.value.test.images[7]), 16))


def test_a_pick_shares_everything_with_its_case_that_does_not_depend_on_the_image(tiny):
    p = investigate(tiny.experiment, tiny.queries.store, Pick(source="test", row=7))
    for name in ("dataset", "poisoning", "poisoned", "victim"):
        assert getattr(p, name) is getattr(tiny, name)
    for name in ("queries", "changed", "scores"):
        assert getattr(p, name).key != getattr(tiny, name).key
    assert [a for a in p.scores.inputs if a in tiny.scores.inputs and a.stage.name == "fit_factors"]


def test_an_experiment_about_a_pick_is_a_file_that_reads_back(make_experiment, tmp_path):
    x = make_experiment(
        detectors=[{"name": "delta_influence", "query": 1}, {"name": "influence_mean", "n_queries": 2}]
    )
    y = picked(x, Pick(source="test", row=7, label=3))
    assert [(d.name, getattr(d, "query", 0)) for d in y.detectors] == [("delta_influence", 0)]
    (tmp_path / "y.toml").write_text(y.to_toml())
    assert Experiment.from_toml(tmp_path / "y.toml") == y
    assert y.title == "tiny · test image 7"
    assert picked(y, Pick(source="upload", digest="0a" * 16)).title == "tiny · uploaded image 0a0a0a"


def test_wrong_queries_are_named_field_by_field(make_experiment):
    with pytest.raises(ValueError, match=r"^queries\.count=0: "):
        make_experiment(queries={"count": 0})
    with pytest.raises(ValueError, match=r"^queries\.row=-9: "):
        make_experiment(queries={"source": "test", "row": -9, "count": 1})


def test_a_pick_without_a_label_asks_about_the_victims_own():
    assert Pick(source="test", row=1).label == OWN
    assert picks.Pick.parse("test-1").label == OWN
