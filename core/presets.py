"""Finds experiment files by path or by a preset's name, and puts single settings into what they say."""

import tomllib
from pathlib import Path
from typing import Any

from core import paths
from core.safeload import plain


def find_experiment(path: str | Path) -> Path:
    """The file at `path`, else the shipped preset of that name."""
    shipped = paths.EXPERIMENTS / f"{str(path).removesuffix('.toml').lstrip('/')}.toml"
    for candidate in (Path(path), shipped):
        if candidate.is_file():
            return candidate
    known = paths.EXPERIMENTS.rglob("*.toml")
    names = sorted(str(p.relative_to(paths.EXPERIMENTS)).removesuffix(".toml") for p in known)
    raise FileNotFoundError(f"{path}: no such file, and no preset of that name; presets are {names}")


def assign(tree: Any, change: str) -> None:
    """Put one `key=value` into nested tables; the value as TOML, or else as text."""
    key, separator, text = change.partition("=")
    if not separator:
        raise ValueError(f"--set {plain(change)[:200]}: expected key=value, for example training.epochs=5")
    *parents, last = [int(part) if part.isdigit() else part for part in key.strip().split(".")]
    try:
        for part in parents:
            tree = tree.setdefault(part, {}) if isinstance(tree, dict) else tree[part]
        tree[last] = _parse(text.strip())
    except (TypeError, IndexError, RecursionError) as error:
        raise ValueError(
            f"--set {plain(change)[:200]}: the experiment has no such setting ({error})"
        ) from error


def _parse(text: str) -> Any:
    try:
        return tomllib.loads(f"x = {text}")["x"]
    except (ValueError, RecursionError):  # as said by TOML, and by numbers of too many digits
        return text
