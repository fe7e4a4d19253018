"""A user's folder of images, with all that such folders contain."""

import io

import numpy as np
import pytest
from PIL import Image

from core.datasets import DataMissing, load_dataset
from core.datasets.folder import Folder


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("INFLUENCE_DATA", str(tmp_path))
    return tmp_path


def write(path, size=(40, 50), colour=(200, 10, 10), kind="PNG", mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path, kind, **options)


def two_classes(root, n=4):
    for i in range(n):
        write(root / f"images/red/{i}.png", size=(30 + 9 * i, 40))
        write(root / f"images/blue/{i}.jpg", colour=(10, 10, 200), kind="JPEG")


def test_folders_are_classes_in_alphabetical_order(root):
    two_classes(root)
    data = load_dataset(Folder())
    assert data.class_names == ("blue", "red")
    assert data.train.images.shape == (6, 3, 32, 32) and data.test.labels.tolist() == [0, 1]
    blue = data.train.images[data.train.labels == 0]
    assert blue[:, 2].min() > 150 > 100 > blue[:, 0].max()


def test_a_real_folder_is_read_with_notes_on_what_was_left_out(root):
    two_classes(root)
    red = root / "images/red"
    write(red / "cmyk.jpg", kind="JPEG", mode="CMYK")
    Image.fromarray(np.full((40, 40), 40_000, np.uint16)).save(red / "deep.png")
    (red / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnot much of an image")
    (red / "list.txt").write_text("one, two")
    (red / ".DS_Store").write_bytes(b"\0")
    write(red / "nested/deeper/turned.JPG", kind="JPEG", exif=b"Exif\0\0not an orientation")
    data = Folder().read()
    assert len(data.train) + len(data.test) == 8 + 3
    broken, text = data.notes
    assert broken.startswith("1 of 12 images could not be read") and "red/broken.png" in broken
    assert text.startswith("1 files were not read") and text.endswith("red/list.txt")


def test_a_rotated_photo_is_turned_upright(root):
    two_classes(root)
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32] = 255  # bright above, dark below; the camera lay on its side
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    lying = Image.fromarray(pixels).transpose(Image.Transpose.ROTATE_90)
    lying.save(buffer, "JPEG", exif=exif, quality=95)
    for name in "abcdefgh":
        (root / f"images/blue/{name}.jpg").write_bytes(buffer.getvalue())
    images = Folder().read().train.images.astype(int)
    assert any(image[:, :12].min() > 200 and image[:, 20:].max() < 60 for image in images)


def test_a_folder_with_train_and_val_is_not_split_again(root):
    for part, n in (("train", 3), ("val", 2)):
        for k, name in enumerate(("a", "b")):
            for i in range(n):
                write(root / f"mine/{part}/{name}/{i}.png", colour=(90 * k, 0, 0))
    data = load_dataset(Folder(path=str(root / "mine")))
    assert data.train.labels.tolist() == [0] * 3 + [1] * 3
    assert data.test.labels.tolist() == [0, 0, 1, 1]


def test_a_test_class_without_training_images_is_an_error(root):
    for name in ("train/a", "train/b", "test/a", "test/c"):
        write(root / f"images/{name}/0.png")
        write(root / f"images/{name}/1.png")
    with pytest.raises(ValueError, match=r"\['c'\] have no training folder"):
        Folder().read()


def test_another_seed_chooses_other_test_images(root):
    for i in range(40):
        write(root / f"images/{'ab'[i % 2]}/{i:02}.png", colour=(6 * i, 0, 0))
    first, again, other = (Folder(sample_seed=seed).read().test.images for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_a_link_out_of_the_folder_is_refused(root):
    two_classes(root)
    write(root / "secret/private.png")
    link = root / "images/red/link.png"
    link.symlink_to(root / "secret/private.png")
    with pytest.raises(ValueError, match=r"link\.png: is a link that leads out"):
        Folder().read()


@pytest.mark.parametrize("place", ["images/spare", "images/red/spare"])
@pytest.mark.parametrize("target", ["secret", "images/blue"])
def test_a_link_to_a_folder_is_refused(root, place, target):
    two_classes(root)
    write(root / "secret/private.png")
    (root / place).symlink_to(root / target)
    with pytest.raises(ValueError, match="is a link"):
        Folder().read()


def test_a_link_to_an_image_of_the_same_folder_counts_as_an_image(root):
    two_classes(root)
    (root / "images/red/again.png").symlink_to(root / "images/red/0.png")
    data = Folder().read()
    assert len(data.train) + len(data.test) == 9


def test_hostile_class_names_are_cleaned(root):
    two_classes(root)
    (root / "images/red").rename(root / "images/\u202edeR\u200b \u00fcber\n\x1b[1m")
    assert Folder().read().class_names == ("blue", "deR über [1m")


def test_two_names_that_look_the_same_are_an_error(root):
    two_classes(root)
    (root / "images/red").rename(root / "images/blue\u200b")
    with pytest.raises(ValueError, match="two classes have the same name"):
        load_dataset(Folder())


def test_a_class_that_is_mostly_unreadable_is_an_error(root):
    two_classes(root)
    for i in range(5):
        (root / f"images/red/bad{i}.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"class 'red': 4 of 9 images can be read \(red/bad0\.png: "):
        Folder().read()


def test_a_class_with_one_image_is_an_error(root):
    two_classes(root)
    write(root / "images/lonely/0.png")
    with pytest.raises(ValueError, match="class 'lonely': 1 of 1 images can be read, expected at least 2"):
        Folder().read()


def test_a_single_class_is_an_error(root):
    for i in range(4):
        write(root / f"images/only/{i}.png")
    with pytest.raises(ValueError, match="expected at least 2 classes"):
        load_dataset(Folder())


def test_an_empty_folder_counts_as_missing(root):
    (root / "images").mkdir()
    with pytest.raises(DataMissing, match="a folder of images"):
        load_dataset(Folder())
