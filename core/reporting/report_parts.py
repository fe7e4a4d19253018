"""What a report is made of: sections of texts, figures with footnotes, tables, pictures and drawings, all plain data.

Whoever shows a report draws these parts; nobody who draws one makes a number.
"""

from dataclasses import dataclass

import numpy as np

Sources = tuple[str, ...]
"""Names of the sources that a figure rests on; each is explained once, at the end of the report."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Points:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Code:
    """Something to copy, letter by letter."""

    text: str
    caption: str = ""


@dataclass(frozen=True)
class Fact:
    """One figure or setting with its name."""

    name: str
    value: str
    sources: Sources = ()
    meaning: str = ""


@dataclass(frozen=True)
class Facts:
    """Figures one below the other."""

    rows: tuple[Fact, ...]


@dataclass(frozen=True)
class Table:
    """Records of equal columns, each with its sources."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    sources: tuple[Sources, ...]


@dataclass(frozen=True)
class Picture:
    """An image [c h w] with what stands below it."""

    image: np.ndarray
    alt: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Gallery:
    """Pictures side by side."""

    caption: str
    pictures: tuple[Picture, ...]
    sources: Sources = ()


@dataclass(frozen=True)
class Histogram:
    """How often values fall between edges; those from `cut` on are the flagged ones."""

    title: str
    counts: tuple[int, ...]
    edges: tuple[float, ...]
    cut: float | None
    axis: str
    sources: Sources = ()


@dataclass(frozen=True)
class Bar:
    """One share of a bar chart, with its value in words."""

    name: str
    share: float
    text: str
    marked: bool = False


@dataclass(frozen=True)
class Bars:
    """Shares one below the other."""

    title: str
    rows: tuple[Bar, ...]
    sources: Sources = ()


@dataclass(frozen=True)
class Dot:
    """A named point; both coordinates are shares."""

    name: str
    x: float
    y: float


@dataclass(frozen=True)
class Scatter:
    """Points between two axes."""

    title: str
    dots: tuple[Dot, ...]
    axes: tuple[str, str]
    sources: Sources = ()


Block = Text | Points | Code | Facts | Table | Gallery | Histogram | Bars | Scatter


@dataclass(frozen=True)
class Section:
    """A chapter of a report. `name` is how it is left out."""

    name: str
    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    case: str
    made: str
    sections: tuple[Section, ...]
    sources: dict[str, str]
    """Where each figure comes from, in words, by the names that the parts use."""
    author: str = ""
    notes: str = ""
