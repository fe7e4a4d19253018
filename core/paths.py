"""Where things are on this machine: image data, computed results, and what ships with the project."""

import os
from pathlib import Path

import platformdirs

ASSETS = Path(__file__).parents[1] / "assets"
SHIPPED = ASSETS / "results"
EXPERIMENTS = ASSETS / "experiments"
CACHE = Path(platformdirs.user_cache_dir("influence-collapse-explorer"))


def data_only() -> bool:
    """Whether settings may name files of the data folder alone: for servers that others than their owner use."""
    return os.environ.get("INFLUENCE_DATA_ONLY", "") not in ("", "0")


def data_root() -> Path:
    """Folder with image data: the environment variable INFLUENCE_DATA, else a folder in the user's cache."""
    return Path(os.environ.get("INFLUENCE_DATA") or CACHE / "data").expanduser().absolute()


def store_root() -> Path:
    """Folder with results: the environment variable INFLUENCE_STORE, else a folder in the user's cache."""
    return Path(os.environ.get("INFLUENCE_STORE") or CACHE / "store").expanduser().absolute()


def use_store(root: Path) -> Path:
    """From now on this process, and what it starts, keeps everything in that folder: uploads and sets, too."""
    os.environ["INFLUENCE_STORE"] = str(root.expanduser().absolute())
    return store_root()
