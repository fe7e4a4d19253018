"""The one door through which images and names from outside enter.

Image files are decoded by Pillow, for three formats only, below a size that cannot exhaust memory, and come
out as plain RGB pixels without metadata. Names come out as one short line that cannot reorder or hide text.
"""

import unicodedata
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP")
"""Decoders that may run; the content decides which, not the file's name."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of file names that are taken for images, in lower case."""
MAX_PIXELS = 40_000_000
MAX_FILE_BYTES = 64 * 2**20
MAX_NAME = 80
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Unicode categories of control, format (bidirectional, zero-width), surrogate and unassigned characters."""


class Refused(ValueError):
    """Something that is not let in: `value` names it, `need` says what was expected, `remedy` what to do."""

    def __init__(self, value: str, need: str, remedy: str) -> None:
        super().__init__(value, need, remedy)
        self.value, self.need, self.remedy = value, need, remedy

    def __str__(self) -> str:
        return f"{self.value}: {self.need}; {self.remedy}"


class ImageRefused(Refused):
    """An image that is not let in."""


def read_image(data: bytes | Path, size: int | None) -> UInt8[np.ndarray, "3 h w"]:
    """RGB pixels of an encoded image, upright.

    `data` is the encoded bytes or a file. With `size` the largest centred square is scaled to size x size
    pixels (bilinear, anti-aliased; no interpolation where it has that size already); None keeps the image's
    own size. Of an animation the first frame is taken; transparency is put on white; of 16 bits per channel
    the upper 8 are kept. Raises ImageRefused for anything that is no whole PNG, JPEG or WebP image below
    40 million pixels and 64 MiB.
    """
    name, encoded = _bytes_of(data)
    try:
        image = Image.open(BytesIO(encoded), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise _too_large(f"{name} ({image.width} x {image.height})")
        ImageOps.exif_transpose(image, in_place=True)
        image = _rgb(image)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except Exception as error:  # a decoder fed with hostile bytes raises whatever it stumbles over
        raise _unreadable(name, error) from error
    square = image if size is None else _centre_square(image, size)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))  # h w c -> c h w


def _bytes_of(data: bytes | Path) -> tuple[str, bytes]:
    if isinstance(data, bytes):
        name, length = f"image of {len(data)} bytes", len(data)
    elif data.is_file():
        name, length = str(data), data.stat().st_size
    else:
        raise ImageRefused(str(data), "expected an image file", "check the path")
    if length > MAX_FILE_BYTES:
        raise ImageRefused(name, f"expected a file of at most {MAX_FILE_BYTES >> 20} MiB", "make it smaller")
    if isinstance(data, bytes):
        return name, data
    try:
        return name, data.read_bytes()
    except OSError as error:
        raise ImageRefused(name, f"cannot be read ({error.strerror})", "check its permissions") from error


def _too_large(name: str) -> ImageRefused:
    return ImageRefused(name, f"expected at most {MAX_PIXELS:,} pixels", "scale the image down")


def _unreadable(name: str, error: Exception) -> ImageRefused:
    formats = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    # Pillow's own message may contain the address of its buffer, which differs on each run.
    reason = "unknown format" if isinstance(error, Image.UnidentifiedImageError) else str(error)
    return ImageRefused(name, f"expected a whole {formats} image ({reason})", "replace or remove it")


def _rgb(image: Image.Image) -> Image.Image:
    """The image in 8-bit RGB; see `read_image` for what becomes of other kinds."""
    if image.mode.startswith("I"):  # 16-bit grey, which convert() would clip at 255
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _centre_square(image: Image.Image, size: int) -> Image.Image:
    if image.size == (size, size):
        return image
    side = min(image.size)
    left, top = round((image.width - side) / 2), round((image.height - side) / 2)
    box = (left, top, left + side, top + side)
    if side == size:
        return image.crop(box)
    # Scaling inside the box never makes the whole strip of a 1 x 40,000,000 image as tall as `size`.
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box)


def clean_name(text: str) -> str:
    """One visible line of at most 80 characters; `unnamed` where nothing visible is left.

    Control, bidirectional and zero-width characters are dropped and runs of white space become one space.
    The result is not escaped: it may still contain Markdown or HTML, which whoever shows it has to quote.
    """
    spaced = " ".join(unicodedata.normalize("NFC", text).split())
    visible = "".join(c for c in spaced if unicodedata.category(c) not in _INVISIBLE)
    return " ".join(visible.split())[:MAX_NAME].strip() or "unnamed"
