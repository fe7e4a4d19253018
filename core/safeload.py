"""The one door through which images and names from outside enter.

Image files are decoded by Pillow, for three formats only, below a size that cannot exhaust memory, and come
out as plain RGB pixels without metadata. Names come out as one short line that cannot reorder or hide text.
"""

import threading
import unicodedata
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps
from pydantic import AfterValidator

FORMATS = ("PNG", "JPEG", "WEBP")
"""Decoders that may run; the content decides which, not the file's name."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Endings of file names that are taken for images, in lower case."""
MAX_PIXELS = 40_000_000
MAX_SIDE = 65_535
"""A decoder keeps a pointer for each row: a strip of one pixel costs far more than its pixels."""
LARGE = 4_000_000
"""Pixels from which images are decoded one at a time, so that many threads need no more memory than one."""
MAX_FILE_BYTES = 64 * 2**20
MAX_NAME = 80
LONGEST_PART, LONGEST_PATH = 255, 4000
"""Bytes of a file's name and of a path, as Linux has them."""
MAX_TEXT = 4000
"""Characters of a name that are looked at: putting marks in order takes time that grows with their square."""
MAX_MARKS = 4
"""Marks on one letter; towers of them cover the lines above."""
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
"""Unicode categories of control, format (bidirectional, zero-width), surrogate and unassigned characters."""
_BLANK = frozenset(map(chr, (0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0))) | frozenset(
    chr(c)
    for low, high in ((0x180B, 0x180F), (0xFE00, 0xFE0F), (0xE0100, 0xE01EF))
    for c in range(low, high + 1)
)
"""Letters and marks that show nothing; variation selectors can carry a hidden message."""
_large = threading.Lock()


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
        if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
            raise _too_large(f"{name} ({image.width} x {image.height})")
        with _large if image.width * image.height > LARGE else nullcontext():
            return _pixels(image, size)
    except ImageRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name) from error
    except Exception as error:  # a decoder fed with hostile bytes raises whatever it stumbles over
        raise _unreadable(name, error) from error


def _pixels(image: Image.Image, size: int | None) -> UInt8[np.ndarray, "3 h w"]:
    ImageOps.exif_transpose(image, in_place=True)
    upright = _rgb(image)
    square = upright if size is None else _centre_square(upright, size)
    return np.ascontiguousarray(np.asarray(square).transpose(2, 0, 1))  # h w c -> c h w


def _bytes_of(data: bytes | Path) -> tuple[str, bytes]:
    if isinstance(data, bytes):
        return _checked(f"image of {len(data)} bytes", data)
    name = shown_path(data)
    try:
        if not data.is_file():
            raise ImageRefused(name, "expected an image file", "check the path")
        with data.open("rb") as file:
            return _checked(name, file.read(MAX_FILE_BYTES + 1))
    except OSError as error:
        raise ImageRefused(name, f"cannot be read ({error.strerror})", "check its permissions") from error


def _checked(name: str, encoded: bytes) -> tuple[str, bytes]:
    if len(encoded) > MAX_FILE_BYTES:
        raise ImageRefused(name, f"expected a file of at most {MAX_FILE_BYTES >> 20} MiB", "make it smaller")
    return name, encoded


def shown_path(path: Path) -> str:
    """A path in one visible line of at most 200 characters, for messages."""
    return plain(str(path))[:200]


def plain(text: str) -> str:
    """The text without characters that move, hide or colour other text; line breaks become spaces."""
    return "".join(c for c in " ".join(text.split()) if unicodedata.category(c) not in _INVISIBLE)


def path_text(text: str) -> str:
    """The text, when it can be a path. Raises ValueError for what no file system takes, or nobody could read."""
    if plain(text) != " ".join(text.split()) or "\n" in text or "\r" in text:
        raise ValueError(f"path={plain(text)[:80]!r}: expected characters that can be seen; type it anew")
    if (
        any(len(part.encode()) > LONGEST_PART for part in text.split("/"))
        or len(text.encode()) > LONGEST_PATH
    ):
        raise ValueError(
            f"path={text[:80]!r}: expected names of at most {LONGEST_PART} bytes; use shorter ones"
        )
    return text


PathText = Annotated[str, AfterValidator(path_text)]
"""Field type for a path that somebody types."""


def _too_large(name: str) -> ImageRefused:
    need = f"expected at most {MAX_PIXELS:,} pixels and {MAX_SIDE:,} on a side"
    return ImageRefused(name, need, "scale the image down")


def _unreadable(name: str, error: Exception) -> ImageRefused:
    formats = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    # Pillow's own message may contain the address of its buffer, which differs on each run.
    reason = "unknown format" if isinstance(error, Image.UnidentifiedImageError) else plain(str(error))[:200]
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

    Control, bidirectional, zero-width and blank characters are dropped and runs of white space become one space;
    a name that is clean already stays as it is. The result is not escaped: it may still contain Markdown or HTML,
    which whoever shows it has to quote.
    """
    spaced = " ".join(text[:MAX_TEXT].split())
    name = " ".join(_few_marks(unicodedata.normalize("NFC", visible(spaced))).split())[:MAX_NAME].strip()
    return name if any(unicodedata.category(c)[0] not in "MZ" for c in name) else "unnamed"


def visible(text: str) -> str:
    """The text without characters that move or hide other text, or show nothing."""
    return "".join(c for c in text if c not in _BLANK and unicodedata.category(c) not in _INVISIBLE)


def _few_marks(text: str) -> str:
    kept, marks = [], 0
    for c in text:
        marks = marks + 1 if unicodedata.category(c)[0] == "M" else 0
        kept += [c] if marks <= MAX_MARKS else []
    return "".join(kept)
