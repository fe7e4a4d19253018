"""Small image files that would become far too much."""

import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from hostile.corpus import Hostile, anything
from hostile.corpus.images import NOISE, PNG, chunk, encoded, is_image, png, with_part


def bombs() -> Iterator[Hostile]:
    """Much from little."""
    zeros = zlib.compress(bytes(300_000_000), 9)
    for side in (6_400, 20_000, 65_500, 2**31 - 1):
        yield Hostile(f"PNG of {side} x {side} announced", "image", png(side, side, chunk(b"IDAT", b"")))
    yield Hostile("PNG of 10,000 x 10,000 in 300 KB", "image", png(10_000, 10_000, chunk(b"IDAT", zeros)))
    yield Hostile("PNG of 40 million pixels, just allowed", "image", _flat(6_300, 6_300), is_image)
    yield Hostile("the same as a strip", "image", _flat(40_000_000, 1))
    yield Hostile("the same upright", "image", _flat(1, 40_000_000))
    for mode, colour in (("RGBA", 6), ("16-bit RGBA", 6), ("16-bit grey", 0)):
        yield Hostile(
            f"{mode} PNG of 40 million pixels",
            "image",
            _even(6_300, mode.count("16") * 8 + 8, colour),
            is_image,
        )
    yield Hostile("PNG with 300 MB of pixels too many", "image", png(8, 8, chunk(b"IDAT", zeros)), anything)
    for name, prefix in ((b"iCCP", b"p\0\0"), (b"zTXt", b"k\0\0"), (b"iTXt", b"k\0\1\0\0\0")):
        part = chunk(name, prefix + zeros)
        yield Hostile(f"PNG with 300 MB in {name.decode()}", "image", with_part(part), anything)
    texts = b"".join(chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000))) for _ in range(200))
    yield Hostile("PNG with 180 MB in 200 texts", "image", with_part(texts), anything)
    jpeg = encoded(Image.fromarray(NOISE), "JPEG")
    at = jpeg.index(b"\xff\xc0")
    for side in (65_500, 65_535, 0):
        lie = jpeg[: at + 5] + struct.pack(">HH", side, side) + jpeg[at + 9 :]
        yield Hostile(f"JPEG of {side} x {side}", "image", lie)
    yield Hostile("progressive JPEG with 500 scans", "image", _scans(500), anything)
    yield Hostile("WebP with a canvas of 16,383 x 16,383", "image", _webp_canvas(16_383))
    yield Hostile("WebP with a canvas of 16,777,216", "image", _webp_canvas(2**24))
    frames = [Image.new("RGB", (400, 400), (i, 0, 0)) for i in range(60)]
    film = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    yield Hostile("WebP of 60 frames", "image", film, is_image)
    yield Hostile(
        "APNG of 60 frames", "image", encoded(frames[0], save_all=True, append_images=frames[1:]), is_image
    )
    lie = PNG + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0))
    lie += (
        chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))
        + chunk(b"IDAT", zlib.compress(bytes(8 * 25)))
        + chunk(b"IEND", b"")
    )
    yield Hostile("APNG that announces 2^31 frames", "image", lie, anything)


def _flat(width: int, height: int) -> bytes:
    """One bit for a pixel: 5 MB of nothing in 5 KB."""
    rows = (b"\0" + bytes(-(-width // 8))) * height
    return png(width, height, chunk(b"IDAT", zlib.compress(rows, 9)), depth=1, colour=0)


def _even(side: int, depth: int, colour: int) -> bytes:
    row = bytes(1 + side * (4 if colour == 6 else 1) * depth // 8)
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return png(side, side, chunk(b"IDAT", packed), depth=depth, colour=colour)


def _scans(times: int) -> bytes:
    """A progressive JPEG whose last scan is said again and again."""
    whole = encoded(Image.fromarray(NOISE), "JPEG", progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:-2] + whole[last:-2] * times + whole[-2:]


def _webp_canvas(side: int) -> bytes:
    size = struct.pack("<I", side - 1)[:3]
    head = b"VP8X" + struct.pack("<I", 10) + b"\2\0\0\0" + size + size
    anim = b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body = b"WEBP" + head + anim
    return b"RIFF" + struct.pack("<I", len(body)) + body
