"""Image files that lie about their size, their kind or their content."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

from hostile.corpus import Hostile, anything

NOISE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
PNG = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """An image as a file."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A part of a PNG file with its check sum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *parts: bytes, depth: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    """A PNG file of these parts."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    return PNG + chunk(b"IHDR", head) + b"".join(parts) + chunk(b"IEND", b"")


def is_image(pixels: Any) -> bool:
    """Plain colours of the wanted size."""
    return isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape == (3, 32, 32)


def is_whole(pixels: Any) -> bool:
    """Plain colours of any size."""
    return isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8 and pixels.shape[0] == 3


def inputs() -> Iterator[Hostile]:
    """All of them."""
    from hostile.corpus.bombs import bombs

    yield from bombs()
    yield from disguised()
    yield from odd()
    yield from turned()
    yield from damaged()


def with_part(part: bytes) -> bytes:
    """A small PNG file with one more part."""
    small = encoded(Image.new("RGB", (8, 8)))
    return small[:33] + part + small[33:]


def disguised() -> Iterator[Hostile]:
    """Other kinds of files under the name of an image, and files that are two things at once."""
    picture = Image.fromarray(NOISE)
    for kind in (
        "GIF",
        "TIFF",
        "BMP",
        "ICO",
        "PPM",
        "TGA",
        "PDF",
        "EPS",
        "JPEG2000",
        "PCX",
        "SGI",
        "ICNS",
        "DDS",
    ):
        data = encoded(picture, kind)
        yield Hostile(f"{kind} named .png", "image", lambda folder, data=data: _named(folder, data))
    texts = {
        "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file closefile\n",
        "FITS": b"SIMPLE  =                    T".ljust(2880),
        "HTML": b"<!doctype html><script>window.__pwned=1</script>",
        "MVG": b"push graphic-context\nimage over 0,0 0,0 'https://example.org/x'\npop graphic-context",
        "XBM": b"#define x_width 9\n#define x_height 9\nstatic char x_bits[] = {0};",
        "an empty file": b"",
        "zeros": bytes(5000),
        "a signature alone": PNG,
        "ELF": b"\x7fELF" + bytes(400),
    }
    for name, data in texts.items():
        yield Hostile(f"{name} named .png", "image", lambda folder, data=data: _named(folder, data))
    small = encoded(picture)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("evil.py", "raise SystemExit")
    yield Hostile("PNG that is a zip too", "image", small + packed.getvalue(), is_image)
    yield Hostile("JPEG that is HTML too", "image", _jpeg_comment(b"<script>alert(1)</script>"), is_image)
    told = PngImagePlugin.PngInfo()
    told.add_text("Title", "<script>window.__pwned=1</script>" * 200, zip=True)
    yield Hostile("PNG with a script in its text", "image", encoded(picture, pnginfo=told), is_image)
    yield Hostile("GIF that begins as PNG", "image", PNG + encoded(picture, "GIF"))
    yield Hostile("a path that is a folder", "image", lambda folder: folder)
    yield Hostile("a path to a device", "image", lambda folder: _device())
    yield Hostile("a name with NUL", "image", lambda folder: folder / "a\0b.png")
    yield Hostile("a name of 5,000 characters", "image", lambda folder: folder / ("a" * 5000))


def _named(folder: Any, data: bytes) -> Any:
    (folder / "innocent.png").write_bytes(data)
    return folder / "innocent.png"


def _device() -> Any:
    from pathlib import Path

    return Path("/dev/zero")


def _jpeg_comment(text: bytes) -> bytes:
    whole = encoded(Image.fromarray(NOISE), "JPEG")
    return whole[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + whole[2:]


def odd() -> Iterator[Hostile]:
    """Legal files of kinds that trip programs up."""
    picture = Image.fromarray(NOISE)
    ramp = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 21
    modes = {m: encoded(picture.convert(m)) for m in ("L", "1", "P", "LA", "RGBA")}
    for mode, data in modes.items():
        yield Hostile(f"PNG of mode {mode}", "image", data, is_image)
    yield Hostile("16-bit grey PNG", "image", encoded(Image.fromarray(ramp)), is_image)
    deep = NOISE.astype(">u2").tobytes()
    rows = b"".join(b"\0" + deep[i : i + 384] for i in range(0, len(deep), 384))
    yield Hostile(
        "16-bit colour PNG", "image", png(64, 48, chunk(b"IDAT", zlib.compress(rows)), depth=16), is_image
    )
    yield Hostile("interlaced PNG of nothing", "image", png(64, 48, chunk(b"IDAT", b""), interlace=1))
    seen = picture.quantize(9)
    yield Hostile("palette with transparency", "image", encoded(seen, transparency=bytes(range(9))), is_image)
    short = png(
        8, 8, chunk(b"PLTE", b"\1\2\3"), chunk(b"IDAT", zlib.compress(bytes([0, *[200] * 8]) * 8)), colour=3
    )
    yield Hostile("palette that is too short", "image", short, is_image)
    yield Hostile(
        "palette that is missing",
        "image",
        png(8, 8, chunk(b"IDAT", zlib.compress(bytes(72))), colour=3),
        anything,
    )
    cmyk = encoded(picture.convert("CMYK"), "JPEG")
    yield Hostile("CMYK JPEG", "image", cmyk, is_image)
    yield Hostile("CMYK JPEG without Adobe's mark", "image", cmyk.replace(b"Adobe", b"Adxbe"), is_image)
    yield Hostile("YCCK JPEG", "image", _adobe(cmyk, 2), is_image)
    yield Hostile("JPEG of one pixel", "image", encoded(Image.new("RGB", (1, 1)), "JPEG"), is_image)
    yield Hostile("grey JPEG", "image", encoded(picture.convert("L"), "JPEG"), is_image)
    yield Hostile("PNG of 0 x 0", "image", png(0, 0, chunk(b"IDAT", zlib.compress(b""))))
    yield Hostile(
        "PNG with two headers",
        "image",
        with_part(chunk(b"IHDR", struct.pack(">IIBBBBB", 9000, 9000, 8, 2, 0, 0, 0))),
        anything,
    )
    yield Hostile(
        "PNG with a wrong check sum",
        "image",
        bytes(encoded(picture))[:29] + b"\0\0\0\0" + encoded(picture)[33:],
    )
    yield Hostile(
        "PNG of a depth that is none", "image", png(8, 8, chunk(b"IDAT", zlib.compress(bytes(200))), depth=3)
    )
    yield Hostile(
        "PNG whose chunk is 2 GB long", "image", PNG + struct.pack(">I", 2**31 - 1) + b"IHDR" + bytes(40)
    )
    yield Hostile(
        "PNG with a hostile profile", "image", encoded(picture, icc_profile=b"\xff" * 4000), is_image
    )


def _adobe(data: bytes, transform: int) -> bytes:
    at = data.index(b"Adobe") + 11
    return data[:at] + bytes([transform]) + data[at + 1 :]


def turned() -> Iterator[Hostile]:
    """Cameras' notes: upright in the end, or ignored."""
    high = np.zeros((8, 12, 3), np.uint8)
    high[:, :6, 0] = 255
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    for number, how in back.items():
        exif = Image.Exif()
        exif[ORIENTATION] = number
        stored = (
            Image.fromarray(high) if how is None else Image.fromarray(high).transpose(Image.Transpose(how))
        )
        for kind in ("JPEG", "PNG", "WEBP"):
            data = encoded(stored, kind, exif=exif, **({} if kind == "PNG" else {"quality": 100}))
            yield Hostile(f"{kind} turned as {number}", "whole_image", data, _left_red)
    for name, raw in {
        "nothing": b"Exif\0\0",
        "a loop": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\1\3\0\1\0\0\0\x09\0\0\0\x08\0\0\0",
        "noise": b"Exif\0\0" + NOISE.tobytes()[:3000],
        "2^32 entries": b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60),
        "an orientation in words": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\1\2\0\4\0\0\0abc\0\0\0\0\0",
    }.items():
        data = encoded(Image.fromarray(NOISE), "JPEG", exif=raw)
        yield Hostile(f"JPEG with Exif of {name}", "image", data, anything)


def _left_red(pixels: Any) -> bool:
    fits = is_whole(pixels) and pixels.shape == (3, 8, 12)
    return fits and bool(pixels[0, :, :4].min() > 180 and pixels[0, :, 8:].max() < 70)


def damaged() -> Iterator[Hostile]:
    """Cut off at twenty places, and with bits flipped."""
    rng = np.random.default_rng(1)
    for kind in ("PNG", "JPEG", "WEBP"):
        whole = encoded(Image.fromarray(NOISE), kind)
        for part in range(20):
            yield Hostile(f"{kind} cut at {5 * part}%", "image", whole[: len(whole) * part // 20])
        for number in range(10):
            data = bytearray(whole)
            for at in rng.integers(0, len(data), 3):
                data[at] ^= 1 << int(rng.integers(8))
            yield Hostile(f"{kind} with bits flipped {number}", "image", bytes(data), is_image)
