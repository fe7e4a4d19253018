"""The flagged images on sheets: a grid of pictures, each with its number, its label and how sure its flag is."""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from core.reporting.report_flags import Flagged

PER_SHEET, MOST = 200, 10_000
COLUMNS, CELL, PICTURE, LINE, MARGIN = 10, 128, 96, 15, 16
HEADER = 40
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
INK, PAPER, ORANGE = "#14202B", "#FFFFFF", "#B34700"


@dataclass(frozen=True)
class Entry:
    """One picture of a sheet: pixels [c h w] and the lines below it."""

    image: np.ndarray
    lines: tuple[str, ...]


def entries(flagged: Flagged, first: int, last: int) -> list[Entry]:
    """The flagged images of these ranks, most suspect first."""
    data, sure = flagged.case.plan.poisoned.value, flagged.sureness
    told = []
    for place in range(first, min(last, len(flagged.numbers))):
        number = int(flagged.numbers[place])
        name = data.class_names[flagged.labels[number]]
        lines = (f"#{number}", f"label {name}", *([] if sure is None else [f"sure {sure[place]:.0%}"]))
        told.append(Entry(data.train.images[number], lines))
    return told


def sheets(flagged: Flagged, title: str) -> Iterator[bytes]:
    """PNG files of up to 200 images each; at most 10,000 images, the most suspect ones."""
    total = min(len(flagged.numbers), MOST)
    for first in range(0, total, PER_SHEET):
        last = min(first + PER_SHEET, total)
        heading = f"{title} · flagged images {first + 1:,} to {last:,} of {len(flagged.numbers):,}"
        yield sheet(entries(flagged, first, last), heading)


def write(flagged: Flagged, title: str, target: BinaryIO) -> str:
    """Write one PNG, or several in a zip file, into `target`; returns the name that suits it."""
    if len(flagged.numbers) <= PER_SHEET:
        target.write(next(sheets(flagged, title), b"") or sheet([], f"{title} · nothing is flagged"))
        return "contact-sheet.png"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:  # PNG is compressed already
        for number, content in enumerate(sheets(flagged, title), 1):
            archive.writestr(f"contact-sheet-{number:02}.png", content)
    return "contact-sheets.zip"


def sheet(shown: Sequence[Entry], heading: str) -> bytes:
    """One PNG."""
    rows = max(1, -(-len(shown) // COLUMNS))
    height = PICTURE + 3 * LINE + 14
    size = (2 * MARGIN + COLUMNS * CELL, HEADER + 2 * MARGIN + rows * height)
    canvas = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(canvas)
    draw.text((MARGIN, MARGIN), heading[:150], fill=INK, font=_font(18))
    for place, entry in enumerate(shown):
        row, column = divmod(place, COLUMNS)
        _draw(canvas, draw, entry, (MARGIN + column * CELL, HEADER + MARGIN + row * height))
    buffer = BytesIO()
    canvas.save(buffer, "PNG")
    return buffer.getvalue()


def _draw(canvas: Image.Image, draw: ImageDraw.ImageDraw, entry: Entry, corner: tuple[int, int]) -> None:
    left, top = corner
    image = fitted(entry.image)
    canvas.paste(image, (left + (PICTURE - image.width) // 2, top + (PICTURE - image.height) // 2))
    draw.rectangle((left - 1, top - 1, left + PICTURE, top + PICTURE), outline=ORANGE)
    for number, line in enumerate(entry.lines):
        font = _font(12)
        draw.text((left, top + PICTURE + 4 + number * LINE), _short(line, font), fill=INK, font=font)


@cache
def _font(size: int) -> Font:
    """Pillow's own font; opening it takes longer than drawing a picture."""
    return ImageFont.load_default(size)


def _short(line: str, font: Font) -> str:
    """As much of a line as fits below a picture."""
    text = line.replace("\n", " ")[:60]
    while text and font.getlength(text) > CELL - 8:
        text = text[:-2].rstrip("…") + "…"
    return text


def fitted(image: np.ndarray) -> Image.Image:
    """A [c h w] image as large as a cell allows; small ones by a whole number, so that pixels stay sharp."""
    pixels = image if image.dtype == np.uint8 else (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    drawn = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    longest = max(drawn.size)
    if longest > PICTURE:
        drawn.thumbnail((PICTURE, PICTURE))
        return drawn
    factor = PICTURE // longest
    return drawn.resize((drawn.width * factor, drawn.height * factor), Image.Resampling.NEAREST)
