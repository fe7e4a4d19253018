"""Doors for words: addresses, gestures, names and cells."""

from pathlib import Path
from typing import Any


def address(parameters: dict[str, str], _: Path) -> Any:
    from app import state

    return state.parse(parameters)


def scene(text: str, _: Path) -> Any:
    from core.learn.sandbox_scene import Scene

    return Scene.parse(text)


def gesture(picture: Any, _: Path) -> Any:
    from core.learn.sandbox_scene import Scene

    return Scene().redrawn(picture, 0)


def measure(text: str, _: Path) -> Any:
    from app import measures
    from core.experiment import ScoreSettings

    return measures.parsed(text, ScoreSettings())


def pick(text: str, _: Path) -> Any:
    from core.picks import Pick

    return Pick.parse(text)


def name(text: str, _: Path) -> Any:
    from core.safeload import clean_name

    return clean_name(text)


def reviewer(text: str, _: Path) -> Any:
    from core.review.verdict_rows import checked_name

    return checked_name(text)


def cell(text: str, _: Path) -> Any:
    from core.export import safe_cell

    return safe_cell(text)


def markdown(text: str, _: Path) -> Any:
    from app.shell import escaped

    return escaped(text)
