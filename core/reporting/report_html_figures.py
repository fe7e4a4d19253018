"""The figures of a report as SVG, drawn by hand: no script, no font, nothing from outside.

Lines and letters take the colour of the text around them, so that they suit a light page, a dark one and paper.
What matters is told by text and hatching too, never by colour alone.
"""

from collections.abc import Sequence
from html import escape
from math import log1p

from core.reporting.report_parts import Bars, Histogram, Scatter

FLAGGED, GOOD, OTHER = "#D55E00", "#0B7FAB", "#7A8794"
WIDTH = 640
MARKS = "●■▲◆✚★⬟⬢"


def histogram(block: Histogram) -> str:
    """Bars of counts; heights are logarithmic, because a few flags stand beside many clean images."""
    height, base, left = 190, 150, 44
    low, high = block.edges[0], block.edges[-1]
    most = log1p(max(block.counts, default=0)) or 1.0

    def x(value: float) -> float:
        return left + (WIDTH - left - 8) * (value - low) / (high - low)

    parts = []
    for count, start, end in zip(block.counts, block.edges, block.edges[1:], strict=False):
        if count:
            tall = (base - 24) * log1p(count) / most
            beyond = block.cut is not None and (start + end) / 2 >= block.cut
            fill = FLAGGED if beyond else OTHER
            parts.append(_box(x(start) + 0.5, base - tall, x(end) - x(start) - 1, tall, fill))
    parts.append(_line(left, base, WIDTH - 8, base))
    parts += [
        _text(left - 6, 30, f"{max(block.counts, default=0):,}", "end"),
        _text(left - 6, base, "0", "end"),
    ]
    parts += [_text(left, base + 16, f"{low:.3g}"), _text(WIDTH - 8, base + 16, f"{high:.3g}", "end")]
    if block.cut is not None and low < block.cut < high:
        side = "end" if x(block.cut) > WIDTH / 2 else "start"
        shift = -6 if side == "end" else 6
        parts.append(_line(x(block.cut), 14, x(block.cut), base, dashed=True))
        parts.append(_text(x(block.cut) + shift, 12, f"cut-off {block.cut:.3g}, flagged to the right", side))
    parts.append(_text((left + WIDTH) / 2, height - 6, block.axis, "middle"))
    return _svg(height, parts, f"{block.title}. {_summary(block)}")


def _summary(block: Histogram) -> str:
    total = sum(block.counts)
    if block.cut is None or not block.edges[0] < block.cut:
        return f"{total:,} values from {block.edges[0]:.3g} to {block.edges[-1]:.3g}"
    middles = [(a + b) / 2 for a, b in zip(block.edges, block.edges[1:], strict=False)]
    beyond = sum(c for c, m in zip(block.counts, middles, strict=True) if m >= block.cut)
    return f"{beyond:,} of {total:,} are beyond the cut-off {block.cut:.3g}"


def bars(block: Bars) -> str:
    """Shares one below the other, each with its name and value."""
    step, left, right = 26, 200, 90
    parts = []
    for place, row in enumerate(block.rows):
        top = place * step + 4
        long = (WIDTH - left - right) * min(max(row.share, 0), 1)
        parts.append(_text(left - 8, top + 14, shortened(row.name, 28), "end"))
        parts.append(_box(left, top, max(long, 1), step - 8, FLAGGED if row.marked else OTHER))
        parts.append(_text(left + max(long, 1) + 6, top + 14, row.text))
    told = ", ".join(f"{row.name}: {row.text}" for row in block.rows)
    return _svg(len(block.rows) * step + 8, parts, f"{block.title}. {told}")


def scatter(block: Scatter) -> str:
    """Points with marks of their own, and a legend that names them."""
    left, base, top, right = 56, 230, 14, WIDTH - 8
    ys = [dot.y for dot in block.dots] or [1.0]
    low = max(0.0, min(ys) - max(0.02, (max(ys) - min(ys)) * 0.2))

    def place(x: float, y: float) -> tuple[float, float]:
        return left + 10 + (right - left - 20) * x, base - 10 - (base - top - 20) * (y - low) / (1 - low or 1)

    parts = [_line(left, top, left, base), _line(left, base, right, base)]
    for number, dot in enumerate(block.dots):
        x, y = place(dot.x, dot.y)
        (sign, look), (_, small) = _mark(number, 18), _mark(number, 15)
        mark = _text(x, y + 6, sign, "middle", look)
        line = base + 62 + 20 * number
        name = f"{dot.name}: {dot.x:.1%}, {dot.y:.1%}"
        key = _text(left, line, sign, look=small)
        parts += [mark, key, _text(left + 22, line, shortened(name, 80))]
    parts += [_text(left + 10, base + 16, "0 %"), _text(right, base + 16, "100 %", "end")]
    parts += [_text(left - 6, base - 6, f"{low:.0%}", "end"), _text(left - 6, top + 14, "100%", "end")]
    parts.append(_text((left + right) / 2, base + 34, f"{block.axes[0]} → (less is better)", "middle"))
    parts.append(_text(left + 8, top + 6, f"↑ {block.axes[1]} (more is better)"))
    told = ", ".join(
        f"{dot.name}: {block.axes[0]} {dot.x:.1%}, {block.axes[1]} {dot.y:.1%}" for dot in block.dots
    )
    return _svg(base + 62 + 20 * len(block.dots), parts, f"{block.title}. {told}")


def shortened(text: str, most: int) -> str:
    """Text that fits."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _svg(height: float, parts: Sequence[str], words: str) -> str:
    told = escape(words, quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{told}"'
    style = 'font-family="system-ui, sans-serif" font-size="13" fill="currentColor"'
    return f"{head} {style}>{''.join(parts)}</svg>"


def _box(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    where = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {where} stroke="currentColor" stroke-width="1"{dash}/>'


def _text(x: float, y: float, words: str, anchor: str = "start", look: str = "") -> str:
    """Words at a place; `look` holds more attributes of ours."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{look}>{escape(words)}</text>'


def _mark(number: int, size: int) -> tuple[str, str]:
    """The sign of a point, and how it looks."""
    colour = (FLAGGED, GOOD, "#7A5195", "#2F8F5B", "#B8860B", OTHER)[number % 6]
    return MARKS[number % len(MARKS)], f' font-size="{size}" fill="{colour}"'
