"""Image data by name: one file per dataset, and the stage that loads one, checks it and samples it.

Nothing heavy is imported here or at the top of the files of this folder: a page that only shows a dataset's
settings imports them too.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from core import paths
from core.artifacts import Dataset, Split
from core.datasets.reading import ledger
from core.datasets.reading.ledger import State
from core.randomness import numpy_stream
from core.registry import Plugin
from core.safeload import path_text, plain

MAX_ROWS = 2_000_000
"""Images of one split, at most."""


class DataMissing(FileNotFoundError):
    """The files of a dataset are not there; the message says which, where they go and who has them."""


class DataChanged(ValueError):
    """The files of a dataset are not those that the experiment was set up with."""


class DatasetPlugin(Plugin):
    """Labelled images from one source. Subclasses say how to read all of them; `load_dataset` samples."""

    train_limit: int = Field(
        default=0,
        ge=0,
        le=MAX_ROWS,
        title="Training images (0: all)",
        description="Training images to use, drawn at random. 0: all of them.",
    )
    test_limit: int = Field(
        default=0,
        ge=0,
        le=MAX_ROWS,
        title="Test images (0: all)",
        description="Test images to use, drawn at random. 0: all of them.",
    )
    sample_seed: int = Field(
        default=0, ge=0, le=2**31 - 1, description="Which images a limit keeps, and which become test images."
    )
    mean: tuple[Annotated[float, Field(ge=-255, le=255)], ...] = Field(
        default=(),
        max_length=3,
        exclude_if=lambda given: not given,
        title="Mean of the channels",
        description="Mean of red, green and blue, 0 to 1, that the classifier expects; none: that of the data.",
    )
    std: tuple[Annotated[float, Field(gt=0, le=255)], ...] = Field(
        default=(),
        max_length=3,
        exclude_if=lambda given: not given,
        title="Deviation of the channels",
        description="Standard deviation of red, green and blue that the classifier expects; none: that of the data.",
    )
    source: str = Field(
        default="",
        max_length=200,
        description="Fingerprint of the files, filled in when a run begins, so that changed files give new "
        "results.",
    )

    @model_validator(mode="after")
    def _mean_with_deviation(self) -> Self:
        if (len(self.mean), len(self.std)) not in ((0, 0), (3, 3)):
            raise ValueError(
                f"mean={list(self.mean)}, std={list(self.std)}: expected three numbers each, for red, green and blue, "
                "or neither"
            )
        return self

    @property
    def side(self) -> int:
        """Width and height of the images in pixels."""
        return getattr(self, "size", 32)

    @abstractmethod
    def read(self) -> Dataset:
        """All images, without regard to the limits. Raises ValueError where the files are damaged."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A short text that changes with the files, made from names and sizes alone; "" for built-in data.

        Raises DataMissing where there are no files.
        """

    def files(self) -> dict[str, Path]:
        """Every file that images are read from, by its name within the data; none for built-in data.

        Raises DataMissing where there are no files.
        """
        return {}

    def missing(self) -> str | None:
        """None when the data are there, else what to put where."""
        return None

    def known_classes(self) -> tuple[str, ...]:
        """The class names where they can be told without reading the images, else nothing."""
        return ()

    def download(self) -> None:
        """Fetch the data into the data folder. Raises DataMissing where that cannot be done."""
        raise DataMissing(self.missing())

    def resolved(self) -> Self:
        """These settings with `source` filled in from the files as they are now; one that is given stays.

        Files that were only touched keep the name that they were first seen under.
        """
        if self.source or not (files := self.files()):
            return self
        return self.model_copy(update={"source": ledger.name_of(ledger.content(files), self.fingerprint())})


def located(path: str) -> Path:
    """Where a path that a user gave leads; a relative one starts at the data folder.

    Raises DataMissing for one that leads out of the data folder where nothing else may be read.
    """
    root = paths.data_root()
    try:
        found = root / Path(path_text(path)).expanduser()
        real = found.resolve()
        inside = real.is_relative_to(root.resolve())
    except (RuntimeError, OSError) as error:  # somebody's home that is not here, or links in a circle
        raise DataMissing(f"{plain(path)[:200]}: leads nowhere; name another path") from error
    if any(real.is_relative_to(place) for place in ("/proc", "/sys", "/dev")):
        raise DataMissing(f"{found}: the machine's own, no place for data; name another path")
    if paths.data_only() and not inside:
        raise DataMissing(
            f"{plain(path)[:200]}: leads out of the data folder, and only that may be read here; put the files into it"
        )
    return found


def load_dataset(settings: DatasetPlugin) -> Dataset:
    """The training and test images that an experiment works on.

    A limit keeps a random sample in the order of the data. Missing files are downloaded where the dataset can
    be. Raises DataMissing where it cannot, DataChanged where the files are not those of `settings.source`,
    ValueError where the data are unfit for an investigation.
    """
    if settings.missing():
        settings.download()
    check_source(settings)
    whole = settings.read()
    check_source(settings)  # nothing may have changed while it was read
    check(whole)
    sample = replace(
        whole,
        mean=settings.mean or whole.mean,
        std=settings.std or whole.std,
        train=_sample(whole.train, settings.train_limit, settings.sample_seed, purpose="train_sample"),
        test=_sample(whole.test, settings.test_limit, settings.sample_seed, purpose="test_sample"),
    )
    _check_every_class(sample, f"train_limit={settings.train_limit}: leaves", "raise train_limit")
    return sample


def check_source(settings: DatasetPlugin) -> None:
    """Raise DataChanged where the files differ from those the settings were resolved with."""
    if settings.source and (state := source_state(settings)).kind != "same":
        raise DataChanged(
            f"source={settings.source}: the images of this experiment changed since it was set up: {state.told}. "
            "Put the old files back, or start a new experiment (without `source`) on the files as they are now"
        )


def source_state(settings: DatasetPlugin) -> State:
    """Whether the files behind settings with a `source` are still the same, by what is in them."""
    if not settings.source:
        return State("same")
    before = ledger.content_of(settings.source)
    try:
        files = settings.files()
        if before is None and settings.fingerprint() == settings.source:
            ledger.remember(settings.source, ledger.content(files))
            return State("same")
        now = ledger.content(files)
    except (OSError, ValueError) as error:
        return State("missing", str(error))
    if before is None:
        return State("changed", f"{len(files):,} files, which are {settings.fingerprint()} now")
    return State("same") if before.digest == now.digest else State("changed", ledger.difference(before, now))


def check(data: Dataset) -> None:
    """Raise ValueError where an investigation could not work with these data."""
    names = list(data.class_names)
    if len(names) < 2:
        raise ValueError(f"classes={names}: expected at least 2 classes; add images of another class")
    if twins := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"class_names={twins}: two classes have the same name; rename one")
    for part, split in (("training", data.train), ("test", data.test)):
        if len(split) == 0:
            raise ValueError(f"{part} images=0: expected at least one; add images")
        if len(split) > MAX_ROWS:
            raise ValueError(f"{part} images={len(split):,}: expected at most {MAX_ROWS:,}; use fewer files")
        if outside := sorted(set(np.unique(split.labels).tolist()) - set(range(len(names)))):
            raise ValueError(f"{part} labels={outside[:5]}: expected 0 to {len(names) - 1}; check the labels")
    _check_every_class(data, "the training set has", "add images of them, or remove the classes")
    first = data.train.images[:1]
    if all((part == first).all() for part in _thousands(data.train.images)):
        raise ValueError(
            f"training images={len(data.train):,}: every one shows the same pixels, so nothing tells the classes apart; "
            "check the files"
        )


def _thousands(images: np.ndarray) -> Iterator[np.ndarray]:
    return (images[start : start + 1000] for start in range(0, len(images), 1000))


def _check_every_class(data: Dataset, subject: str, remedy: str) -> None:
    counts = np.bincount(data.train.labels, minlength=len(data.class_names))
    if empty := [data.class_names[k] for k in np.flatnonzero(counts == 0)]:
        raise ValueError(f"{subject} no image of {len(empty)} classes, first {empty[:5]}; {remedy}")


def _sample(split: Split, limit: int, seed: int, *, purpose: str) -> Split:
    if limit == 0 or limit >= len(split):
        return split
    rows = np.sort(numpy_stream(seed, purpose).choice(len(split), limit, replace=False))
    return Split(split.images[rows], split.labels[rows])
