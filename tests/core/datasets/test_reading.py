"""Splits, statistics, CIFAR batches, downloads, and the real files where they are at hand."""

import functools
import hashlib
import http.server
import io
import os
import pickle
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest

from core import progress
from core.artifacts import Split
from core.datasets import DataMissing, load_dataset
from core.datasets.cifar10 import CLASSES, Cifar10
from core.datasets.digits import Digits
from core.datasets.imagenette import WORDNET, Imagenette
from core.datasets.reading.batches import read_batches, read_table
from core.datasets.reading.download import Archive, fetch
from core.datasets.reading.split import statistics, stratified

BESIDE = Path(__file__).parents[3].parent / "shared" / "data"
DATA = Path(os.environ.get("INFLUENCE_DATA") or BESIDE)


@pytest.fixture
def real(request, monkeypatch):
    """The data folder with the named file; skips where it is not at hand."""
    if not (DATA / request.param).is_file():
        pytest.skip(f"{request.param} is not in {DATA}: set INFLUENCE_DATA to a folder that has it")
    monkeypatch.setenv("INFLUENCE_DATA", str(DATA))


def test_a_split_takes_the_share_of_each_class_and_loses_nothing():
    labels = np.repeat([0, 1, 2], [10, 50, 3])
    images = np.arange(63, dtype=np.uint8).reshape(-1, 1, 1, 1)
    train, test = stratified(Split(images, labels), 0.2, seed=0)
    assert np.bincount(test.labels).tolist() == [2, 10, 1]
    assert sorted([*train.images.ravel(), *test.images.ravel()]) == list(range(63))
    assert np.all(np.diff(train.images.ravel().astype(int)) > 0)


def test_a_split_leaves_each_class_an_image_on_both_sides():
    split = Split(np.zeros((4, 1, 1, 1), np.uint8), np.array([0, 0, 1, 1]))
    for share in (0.01, 0.99):
        train, test = stratified(split, share, seed=3)
        assert train.labels.tolist() == test.labels.tolist() == [0, 1]


def test_statistics_are_those_of_the_pixels():
    images = np.random.default_rng(0).integers(0, 200, (1500, 3, 4, 4), dtype=np.uint8)
    mean, std = statistics(images)
    assert np.allclose(mean, (images / 255).mean((0, 2, 3)), atol=1e-5)
    assert np.allclose(std, (images / 255).std((0, 2, 3)), atol=1e-5)


def test_a_black_channel_can_be_divided_by_its_deviation():
    assert statistics(np.zeros((2, 3, 4, 4), np.uint8)) == ((0.0,) * 3, (0.00392,) * 3)


def test_digits_are_1437_and_360_with_the_published_strokes():
    from sklearn.datasets import load_digits

    data = load_dataset(Digits())
    assert (len(data.train), len(data.test)) == (1437, 360)
    published = load_digits()
    mean_ink = np.mean([published.images[published.target == k].mean() / 16 for k in range(10)])
    assert abs(data.mean[0] - mean_ink) < 0.005


def test_a_limit_that_empties_a_class_is_an_error():
    with pytest.raises(ValueError, match=r"train_limit=5: leaves no image of .* classes"):
        load_dataset(Digits(train_limit=5))


def test_another_seed_samples_other_images():
    a, b = (load_dataset(Digits(train_limit=200, sample_seed=seed)).train.images for seed in (0, 1))
    assert not np.array_equal(a, b)


class Attack:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (self.mark,)


def test_a_pickle_that_wants_to_run_a_program_is_refused(tmp_path):
    file, mark = tmp_path / "data_batch_1", tmp_path / "it-ran"
    file.write_bytes(pickle.dumps({"data": Attack(str(mark))}))
    with pytest.raises(ValueError, match=r"asks for posix\.mkdir|asks for nt\.mkdir"):
        read_table(file)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [1, 2, 3, 4])
def test_batches_of_any_age_give_back_their_pixels(tmp_path, protocol):
    data = np.random.default_rng(0).integers(0, 256, (3, 3072), dtype=np.uint8)
    file = tmp_path / "train"
    file.write_bytes(pickle.dumps({"data": data, "fine_labels": [2, 0, 1]}, protocol=protocol))
    split = read_batches([file], "fine_labels")
    assert np.array_equal(split.images, data.reshape(3, 3, 32, 32)) and split.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize(
    "table",
    [
        {"data": np.zeros((2, 3072), np.float32), "labels": [0, 1]},
        {"data": np.zeros((2, 3000), np.uint8), "labels": [0, 1]},
        {"data": np.zeros((2, 3072), np.uint8), "labels": [0]},
        {"data": [1, 2], "labels": [0, 1]},
        {},
        ["not a table"],
    ],
)
def test_a_damaged_batch_is_named(tmp_path, table):
    file = tmp_path / "data_batch_3"
    file.write_bytes(pickle.dumps(table, protocol=2))
    with pytest.raises(ValueError, match=r"data_batch_3: expected .* put the original file back"):
        read_batches([file], "labels")


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A web server on this machine for the files of tmp_path/web."""
    (tmp_path / "web").mkdir()
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    handler = functools.partial(Quiet, directory=tmp_path / "web")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", tmp_path / "web"
        running.shutdown()
        thread.join()


def write_archive(path, member="things/a.txt"):
    with tarfile.open(path, "w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = 600_000
        tar.addfile(info, io.BytesIO(os.urandom(600_000)))
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_a_download_arrives_whole_and_reports_its_bytes(server, tmp_path):
    url, web = server
    md5, seen = write_archive(web / "x.tgz"), []

    class Listener(progress.Silence):
        def update(self, phase, done, total):
            seen.append((phase, done, total))

    with progress.reporting(Listener()):
        folder = fetch(Archive(f"{url}/x.tgz", md5, "things"), tmp_path / "data")
    assert (folder / "a.txt").stat().st_size == 600_000
    size = (web / "x.tgz").stat().st_size
    assert ("download", size, size) in seen
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["things"]


@pytest.mark.parametrize(
    ("member", "md5", "reason"),
    [
        ("things/a.txt", "0" * 32, "md5"),
        ("../escape.txt", None, "outside"),
        ("other/a.txt", None, "No such file"),
    ],
)
def test_a_wrong_or_hostile_archive_leaves_nothing_behind(server, tmp_path, member, md5, reason):
    url, web = server
    digest = write_archive(web / "x.tgz", member)
    with pytest.raises(DataMissing, match=reason):
        fetch(Archive(f"{url}/x.tgz", md5 or digest, "things"), tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == [] and not (tmp_path / "escape.txt").exists()


def test_a_cancelled_download_leaves_nothing_behind(server, tmp_path):
    url, web = server
    md5 = write_archive(web / "x.tgz")

    class Stop(progress.Silence):
        def update(self, phase, done, total):
            raise progress.Cancelled

    with progress.reporting(Stop()), pytest.raises(progress.Cancelled):
        fetch(Archive(f"{url}/x.tgz", md5, "things"), tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


@pytest.mark.data
@pytest.mark.parametrize("real", ["cifar10-train.parquet"], indirect=True)
def test_the_real_cifar10_has_its_counts_and_statistics(real):
    data = load_dataset(Cifar10())
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    mean, std = statistics(data.train.images)
    assert np.allclose(mean, data.mean, atol=0.002) and np.allclose(std, data.std, atol=0.003)


@pytest.mark.data
@pytest.mark.parametrize("real", ["cifar10-test.parquet"], indirect=True)
def test_the_paths_of_the_real_cifar10_agree_with_the_class_order(real):
    from core.datasets.reading.tables import read_image_table

    table = read_image_table(DATA / "cifar10-test.parquet", 32)
    assert {CLASSES[label] for label in table.labels} == set(CLASSES)
    pairs = zip(table.paths, table.labels, strict=True)
    assert all(path.split("/")[0] == CLASSES[label] for path, label in pairs)


@pytest.mark.data
@pytest.mark.parametrize("real", ["imagenette64-train.parquet"], indirect=True)
def test_the_real_imagenette_has_its_counts_and_size(real):
    data = load_dataset(Imagenette())
    assert data.train.images.shape == (9469, 3, 64, 64) and len(data.test) == 3925
    assert data.class_names[3] == "chain saw"


@pytest.mark.data
@pytest.mark.parametrize("real", ["imagenette64-train.parquet"], indirect=True)
def test_the_small_tables_do_not_serve_as_large_imagenette(real):
    if (DATA / "imagenette2-160").is_dir():
        pytest.skip("the folder with 160 pixels is there")
    assert "160 pixels" in Imagenette(size=160).missing()


def test_the_published_imagenette_folder_is_read_and_its_counts_are_checked(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path))
    for part in ("train", "val"):
        for wordnet_id in WORDNET:
            folder = tmp_path / "imagenette2-160" / part / wordnet_id
            folder.mkdir(parents=True)
            for i in range(2):
                Image.new("L", (160, 213)).save(folder / f"{wordnet_id}_{i}.JPEG")
    assert Imagenette(size=160).fingerprint().startswith("torchvision:")
    for size in (64, 160):
        with pytest.raises(ValueError, match=r"per class=\(2, 2, 2, .* expected \(963, 955, 993"):
            Imagenette(size=size).read()
