"""What every dataset promises, on files that the tests write in each dataset's own format."""

import io
import pickle
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from core import progress
from core.datasets import DataChanged, DataMissing, DatasetPlugin, load_dataset
from core.datasets.imagenette import TEST_COUNTS, TRAIN_COUNTS
from core.registry import create, members

NAMES = list(members("datasets"))


def encoded(seed, size=32):
    """A PNG of noise."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_batch(path, label_key, labels):
    """A CIFAR batch as the original archive holds it."""
    path.parent.mkdir(exist_ok=True)
    data = np.random.default_rng(len(labels)).integers(0, 256, (len(labels), 3072), dtype=np.uint8)
    path.write_bytes(pickle.dumps({b"data": data, label_key: labels}, protocol=2))


def write_table(path, images, labels):
    rows = [{"bytes": image, "path": None} for image in images]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(rows, kind), "label": pa.array(labels, pa.int64())}), path)


def write_cifar10(root):
    for i in range(1, 6):
        write_batch(root / f"cifar-10-batches-py/data_batch_{i}", b"labels", list(range(10)))
    write_batch(root / "cifar-10-batches-py/test_batch", b"labels", list(range(10)) * 2)
    return create("datasets", "cifar10"), root / "cifar-10-batches-py/test_batch"


def write_cifar100(root):
    write_batch(root / "cifar-100-python/train", b"fine_labels", list(range(100)) * 2)
    write_batch(root / "cifar-100-python/test", b"fine_labels", list(range(100)))
    meta = {b"fine_label_names": [b"thing_%02d" % i for i in range(100)]}
    (root / "cifar-100-python/meta").write_bytes(pickle.dumps(meta, protocol=2))
    return create("datasets", "cifar100"), root / "cifar-100-python/train"


def write_imagenette(root):
    images = [encoded(k, size=64) for k in range(10)]
    for part, counts in (("train", TRAIN_COUNTS), ("val", TEST_COUNTS)):
        labels = np.repeat(np.arange(10), counts).tolist()
        write_table(root / f"imagenette64-{part}.parquet", [images[k] for k in labels], labels)
    return create("datasets", "imagenette"), root / "imagenette64-val.parquet"


def write_folder(root):
    for k, name in enumerate(("bee", "ant")):
        (root / "mine" / name).mkdir(parents=True)
        for i in range(6):
            (root / "mine" / name / f"{i}.png").write_bytes(encoded(10 * k + i, size=40))
    return create("datasets", "folder", path="mine"), root / "mine/ant/3.png"


def write_parquet(root):
    write_table(root / "mine.parquet", [encoded(i) for i in range(12)], [0, 1, 2] * 4)
    return create("datasets", "parquet", path="mine.parquet"), root / "mine.parquet"


WRITERS = {
    "cifar10": write_cifar10,
    "cifar100": write_cifar100,
    "digits": lambda root: (create("datasets", "digits"), None),
    "folder": write_folder,
    "imagenette": write_imagenette,
    "parquet": write_parquet,
}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Settings, one file, the dataset loaded twice, of each dataset; made on first use."""
    made = {}

    def get(name):
        if name not in made:
            root = tmp_path_factory.mktemp(name)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("INFLUENCE_DATA", str(root))
                settings, file = WRITERS[name](root)
                made[name] = root, settings, file, load_dataset(settings), load_dataset(settings)
        return made[name]

    return get


@pytest.fixture(params=NAMES)
def case(request, loaded, monkeypatch):
    root, *rest = loaded(request.param)
    monkeypatch.setenv("INFLUENCE_DATA", str(root))
    return rest


def test_every_dataset_is_covered_here():
    assert set(WRITERS) == set(NAMES)


def test_images_are_square_rgb_bytes_and_labels_are_int64(case):
    data = case[2]
    for split in (data.train, data.test):
        n, channels, height, width = split.images.shape
        assert (n, channels, height) == (len(split.labels), 3, width)
        assert n > 0 and width >= 32
        assert split.images.dtype == np.uint8 and split.labels.dtype == np.int64
    assert data.train.images.shape[1:] == data.test.images.shape[1:]


def test_every_class_has_a_distinct_name_and_a_training_image(case):
    data = case[2]
    k = len(data.class_names)
    assert len(set(data.class_names)) == k >= 2
    assert set(data.train.labels.tolist()) == set(range(k)) >= set(data.test.labels.tolist())


def test_standardising_uses_three_shares(case):
    data = case[2]
    assert len(data.mean) == len(data.std) == 3
    assert all(0 < value < 1 for value in data.mean + data.std)


def test_loading_twice_gives_the_same(case):
    first, second = case[2:]
    for a, b in ((first.train, second.train), (first.test, second.test)):
        assert np.array_equal(a.images, b.images) and np.array_equal(a.labels, b.labels)
    assert (first.class_names, first.mean, first.notes) == (second.class_names, second.mean, second.notes)


def test_a_limit_keeps_a_sample_in_the_order_of_the_data(case):
    settings, _, whole, _ = case
    n = len(whole.train) - 1
    part = load_dataset(settings.model_copy(update={"train_limit": n, "test_limit": 1}))
    assert (len(part.train), len(part.test)) == (n, 1)
    dropped = np.flatnonzero(np.any(part.train.images != whole.train.images[:n], axis=(1, 2, 3)))
    row = dropped[0] if len(dropped) else n
    assert np.array_equal(part.train.labels, np.delete(whole.train.labels, row))


def test_a_changed_file_changes_the_fingerprint_and_stops_the_run(case):
    settings, file, *_ = case
    before = settings.resolved()
    assert before.source == settings.fingerprint() == before.fingerprint()
    if file is None:
        assert before.source == ""
        return
    content = file.read_bytes()
    file.write_bytes(content + b"\0")
    try:
        assert settings.fingerprint() != before.source
        with pytest.raises(DataChanged, match="changed since"):
            load_dataset(before)
    finally:
        file.write_bytes(content)


def test_missing_files_say_where_to_put_them(case, tmp_path, monkeypatch):
    settings, file, *_ = case
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path / "none"))
    for variable in ("http_proxy", "https_proxy"):  # nothing listens there: downloads fail at once
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    if file is None:
        assert settings.missing() is None
        return
    assert str(tmp_path / "none") in settings.missing()
    for act in (settings.fingerprint, settings.read, lambda: load_dataset(settings)):
        with pytest.raises(DataMissing, match="INFLUENCE_DATA"):
            act()


def test_progress_reaches_its_total(case):
    settings, steps = case[0], []

    class Listener(progress.Silence):
        def update(self, phase, done, total):
            steps.append((phase, done, total))

    with progress.reporting(Listener()):
        load_dataset(settings)
    assert steps[0][1] == 0 and steps[-1][1] == steps[-1][2] > 0


@pytest.mark.parametrize("name", NAMES)
def test_settings_describe_and_bound_every_field(name):
    plugin = members("datasets")[name]
    assert issubclass(plugin, DatasetPlugin) and plugin.title and plugin.__doc__
    for field, schema in plugin.model_json_schema()["properties"].items():
        assert schema["description"], field
        bounds = {"enum", "maxLength", "maxItems", "maximum", "exclusiveMaximum"}
        assert bounds & set(schema), field


def test_listing_datasets_imports_nothing_heavy():
    code = (
        "import sys; from core.registry import members; members('datasets');"
        "print(sorted({'torch', 'torchvision', 'sklearn', 'pyarrow'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
