"""A report as HTML: one file that needs nothing else and runs nothing, or the part of it that a page shows.

Every string is escaped where it is put in, whoever wrote it. The file forbids scripts and anything from outside by a
Content-Security-Policy of its own.
"""

from base64 import b64encode
from collections.abc import Callable
from html import escape
from importlib import resources
from io import BytesIO

import numpy as np
from PIL import Image

from core.reporting import report_html_figures as figures
from core.reporting.report_parts import (
    Bars,
    Block,
    Code,
    Document,
    Facts,
    Gallery,
    Histogram,
    Picture,
    Points,
    Scatter,
    Section,
    Sources,
    Table,
    Text,
)

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
LEAST = 88
"""Pixels to which small images are enlarged, by a whole number."""
Place = Callable[[str], str]
"""Puts a figure, given as SVG, where it belongs."""


def page(document: Document) -> bytes:
    """The self-contained file."""
    title = escape(document.title)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY, quote=True)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{title}</title>\n<style>\n{style()}\n{PAPER}</style>\n</head>\n<body>\n"
        f"{body(document)}\n</body>\n</html>\n"
    ).encode()


def style() -> str:
    """The style of a report, all below one class, in the colours of whatever is around it."""
    return resources.files("core.reporting").joinpath("report.css").read_text("utf-8")


PAPER = """:root { color-scheme: light dark; }
body { margin: 0; padding: 1.5rem; color: #14202b; background: #fff; font: 16px/1.5 system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { body { color: #f2f5f9; background: #0e1117; } }
@media print { body { color: #000; background: #fff; padding: 0; } }
"""


def as_images(dark: bool) -> Place:
    """Figures as images, for a place that lets no SVG in: one for the screen, one for paper."""

    def put(svg: str) -> str:
        told = svg.partition('aria-label="')[2].partition('"')[0]
        screen = _coloured(svg, "#F2F5F9" if dark else "#14202B")
        seen = f'<img class="screen" src="{screen}" alt="{told}">'
        return f'{seen}<img class="paper" src="{_coloured(svg, "#000000")}" alt="{told}">' if dark else seen

    return put


def _coloured(svg: str, colour: str) -> str:
    return f"data:image/svg+xml;base64,{b64encode(svg.replace('currentColor', colour).encode()).decode()}"


def body(document: Document, place: Place = str, *, level: int = 1) -> str:
    """The report without its page; `level` is that of its heading, 2 where the page has one already."""
    numbers = {name: number for number, name in enumerate(_used(document), 1)}
    parts = [f'<article class="report">\n<header><h{level} class="title">{escape(document.title)}</h{level}>']
    byline = " · ".join(x for x in (document.author, document.made, f"case {document.case}") if x)
    parts.append(f'<p class="byline">{escape(byline)}</p>')
    parts += [f"<p>{escape(line)}</p>" for line in document.notes.splitlines() if line.strip()]
    parts.append("</header>")
    parts += [_section(section, numbers, place, level + 1) for section in document.sections]
    told = "".join(
        f'<li id="source-{n}">{escape(document.sources.get(name, name))}</li>' for name, n in numbers.items()
    )
    heading = f"<h{level + 1}>Where the figures come from</h{level + 1}>"
    parts.append(f'<section>{heading}<ol class="sources">{told}</ol></section>')
    parts.append("</article>")
    return "\n".join(parts)


def _used(document: Document) -> list[str]:
    """Names of sources in the order in which they are first met."""
    met: dict[str, None] = {}
    for block in (b for section in document.sections for b in section.blocks):
        for sources in _sources_in(block):
            met |= dict.fromkeys(sources)
    return list(met)


def _sources_in(block: Block) -> list[Sources]:
    if isinstance(block, Facts):
        return [fact.sources for fact in block.rows]
    if isinstance(block, Table):
        return list(block.sources)
    return [getattr(block, "sources", ())]


def _section(section: Section, numbers: dict[str, int], place: Place, level: int) -> str:
    inside = "\n".join(_block(block, numbers, place) for block in section.blocks)
    name = escape(section.name, quote=True)
    return f'<section class="{name}"><h{level}>{escape(section.title)}</h{level}>\n{inside}\n</section>'


def _block(block: Block, numbers: dict[str, int], place: Place) -> str:
    match block:
        case Text(text):
            return f"<p>{escape(text)}</p>"
        case Points(items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case Code(text, caption):
            return f"<figure><figcaption>{escape(caption)}</figcaption><pre>{escape(text)}</pre></figure>"
        case Facts():
            return _facts(block, numbers)
        case Table():
            return _table(block, numbers)
        case Gallery():
            shown = "".join(_picture(picture) for picture in block.pictures)
            return _figure(block.caption, block.sources, f'<div class="grid">{shown}</div>', numbers)
        case Histogram() | Bars() | Scatter():
            return _figure(block.title, block.sources, place(DRAWN[type(block)](block)), numbers)


DRAWN: dict[type, Callable[..., str]] = {
    Histogram: figures.histogram,
    Bars: figures.bars,
    Scatter: figures.scatter,
}


def _figure(caption: str, sources: Sources, content: str, numbers: dict[str, int]) -> str:
    return f"<figure><figcaption>{escape(caption)}{_notes(sources, numbers)}</figcaption>{content}</figure>"


def _notes(sources: Sources, numbers: dict[str, int]) -> str:
    told = ", ".join(f'<a href="#source-{numbers[name]}">{numbers[name]}</a>' for name in sources)
    return f"<sup>[{told}]</sup>" if told else ""


def _facts(block: Facts, numbers: dict[str, int]) -> str:
    rows = (
        f'<tr><th scope="row">{escape(fact.name)}</th><td>{escape(fact.value)}{_notes(fact.sources, numbers)}'
        + (f"<small>{escape(fact.meaning)}</small>" if fact.meaning else "")
        + "</td></tr>"
        for fact in block.rows
    )
    return f'<table class="facts"><tbody>{"".join(rows)}</tbody></table>'


def _table(block: Table, numbers: dict[str, int]) -> str:
    header = "".join(f'<th scope="col">{escape(name)}</th>' for name in block.header)
    rows = []
    for (first, *rest), sources in zip(block.rows, block.sources, strict=True):
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in rest)
        rows.append(f'<tr><th scope="row">{escape(first)}{_notes(sources, numbers)}</th>{cells}</tr>')
    caption = f"<caption>{escape(block.caption)}</caption>"
    inside = f"{caption}<thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f'<div class="wide"><table>{inside}</table></div>'


def _picture(picture: Picture) -> str:
    lines = "".join(f"<span>{escape(line)}</span>" for line in picture.lines)
    return f'<div><img src="{image_uri(picture.image)}" alt="{escape(picture.alt, quote=True)}">{lines}</div>'


def image_uri(image: np.ndarray) -> str:
    """A [c h w] image, uint8 or float in [0, 1], as a PNG inside an address; sharp pixels when it is small."""
    pixels = image if image.dtype == np.uint8 else (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    drawn = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    if max(drawn.size) > 2 * LEAST:
        drawn.thumbnail((2 * LEAST, 2 * LEAST))
    buffer = BytesIO()
    drawn.save(buffer, "PNG")
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
