"""Images and names from outside: what is let in, in which form, and what is refused."""

import contextlib
import io
import pickle
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from core.safeload import MAX_FILE_BYTES, ImageRefused, clean_name, read_image

LEFT_RED = np.zeros((8, 12, 3), np.uint8)
LEFT_RED[:, :6] = (255, 0, 0)
LEFT_RED[:, 6:] = (0, 0, 255)


def encode(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def is_left_red(pixels, tolerance=40):
    expected = LEFT_RED.transpose(2, 0, 1).astype(int)
    return pixels.shape == (3, 8, 12) and np.abs(pixels - expected)[:, :, [0, 11]].max() <= tolerance


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_three_formats_are_read(kind):
    pixels = read_image(encode(Image.fromarray(LEFT_RED), kind), None)
    assert pixels.dtype == np.uint8 and pixels.flags.c_contiguous and is_left_red(pixels)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused_whatever_their_name(kind, tmp_path):
    file = tmp_path / "innocent.png"
    file.write_bytes(encode(Image.fromarray(LEFT_RED), kind))
    with pytest.raises(ImageRefused, match="unknown format"):
        read_image(file, None)


def test_a_cmyk_jpeg_comes_out_in_its_colours():
    assert is_left_red(read_image(encode(Image.fromarray(LEFT_RED).convert("CMYK"), "JPEG"), None))


def test_of_sixteen_bits_the_upper_eight_are_kept():
    ramp = np.arange(0, 65536, 4096, dtype=np.uint16).reshape(4, 4)
    pixels = read_image(encode(Image.fromarray(ramp), "PNG"), None)
    assert np.array_equal(pixels, np.broadcast_to(ramp >> 8, (3, 4, 4)))


def test_a_palette_image_keeps_its_colours():
    assert is_left_red(read_image(encode(Image.fromarray(LEFT_RED).quantize(4), "PNG"), None))


def test_a_grey_image_gets_three_equal_channels():
    pixels = read_image(encode(Image.new("L", (5, 5), 77), "PNG"), None)
    assert np.all(pixels == 77)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_put_on_white(mode):
    invisible = Image.new("RGBA", (4, 4), (255, 0, 0, 0)).convert(mode)
    assert np.all(read_image(encode(invisible, "PNG"), None) == 255)


def test_the_orientation_of_a_camera_is_applied():
    turned = Image.fromarray(LEFT_RED).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held so that the picture must be turned 270 degrees back
    assert is_left_red(read_image(encode(turned, "JPEG", exif=exif, quality=95), None), 60)


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.fromarray(LEFT_RED), Image.new("RGB", (12, 8), "green")]
    animation = encode(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert is_left_red(read_image(animation, None))


def test_an_image_of_the_right_height_is_cropped_without_interpolation():
    noise = np.random.default_rng(0).integers(0, 256, (32, 47, 3), dtype=np.uint8)
    pixels = read_image(encode(Image.fromarray(noise), "PNG"), 32)
    left = round((47 - 32) / 2)
    assert np.array_equal(pixels, noise[:, left : left + 32].transpose(2, 0, 1))


@pytest.mark.parametrize("shape", [(1, 1), (200, 90), (5, 700)])
def test_any_size_is_scaled_to_the_wanted_one(shape):
    pixels = read_image(encode(Image.new("RGB", shape, (9, 8, 7)), "PNG"), 32)
    assert pixels.shape == (3, 32, 32) and np.all(pixels == np.array([9, 8, 7])[:, None, None])


def huge_png(width, height):
    """A valid PNG of a few bytes that announces width x height pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", b""),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("width", [8_000, 12_000, 200_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(width):
    with pytest.raises(ImageRefused, match="at most 40,000,000 pixels"):
        read_image(huge_png(width, 8_000), 32)


def test_a_huge_file_is_refused_unread(tmp_path):
    file = tmp_path / "big.png"
    with file.open("wb") as handle:
        handle.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(ImageRefused, match="64 MiB"):
        read_image(file, None)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("kept", [0, 4, 20, 0.5, 0.9])
def test_a_truncated_image_is_refused(kind, kept):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encode(Image.fromarray(noise), kind)
    with pytest.raises(ImageRefused):
        read_image(whole[: kept if isinstance(kept, int) else int(kept * len(whole))], 32)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_damaged_bytes_give_an_image_or_a_refusal_and_nothing_else(kind):
    rng = np.random.default_rng(0)
    whole = np.frombuffer(encode(Image.fromarray(LEFT_RED), kind), np.uint8)
    for _ in range(300):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 4)] = rng.integers(0, 256, 4)
        with contextlib.suppress(ImageRefused):
            assert read_image(damaged.tobytes(), 32).shape == (3, 32, 32)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(ImageRefused, match=r"nowhere\.png: expected an image file"):
        read_image(tmp_path / "nowhere.png", None)


def test_a_refusal_survives_the_way_between_processes():
    refusal = pickle.loads(pickle.dumps(ImageRefused("a.png", "expected an image", "replace it")))
    assert str(refusal) == "a.png: expected an image; replace it" and refusal.remedy == "replace it"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("golf ball", "golf ball"),
        ("  two\n\tlines ", "two lines"),
        ("cat\u202egnp.exe", "catgnp.exe"),
        ("\u2066dog\u2069\u200b\x00\x1b[31m", "dog[31m"),
        ("cafe\u0301 Straße 猫", "café Straße 猫"),
        ("\udc80\ud800", "unnamed"),
        ("", "unnamed"),
        ("x" * 500, "x" * 80),
    ],
)
def test_names_become_one_visible_line(text, name):
    assert clean_name(text) == name
