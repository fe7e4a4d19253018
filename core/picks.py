"""One image that somebody picked: which it is, how an address names it, and where uploaded ones are kept.

Free of torch: the page process uses it.
"""

import hashlib
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from core import durable, paths, safeload
from core.datasets import located
from core.registry import Settings
from core.safeload import PathText

if TYPE_CHECKING:
    from core.experiment import Experiment

OWN = -1
"""`label` of a pick that is asked about as the victim reads it."""
UNKNOWN = -1
"""True label and test row of an uploaded image."""
_TEXT = re.compile(r"(?:(test|triggered)-(\d{1,9})|(upload)-([0-9a-f]{32}))(?:-as-(\d{1,6}))?")


class Pick(Settings):
    """One image whose cause is asked for, in place of those that the victim is known to misread."""

    source: Literal["test", "triggered", "upload"] = Field(
        description="test: a test image as it is. triggered: as the attacker shows it. upload: one's own."
    )
    row: int = Field(default=UNKNOWN, ge=UNKNOWN, description="Row of the test set.")
    digest: str = Field(default="", pattern="^([0-9a-f]{32})?$", description="Name of an uploaded image.")
    file: PathText = Field(
        default="",
        max_length=4096,
        exclude_if=lambda file: not file,
        description="An image file in place of the digest; a relative path starts at the data folder.",
    )
    label: int = Field(
        default=OWN, ge=OWN, description="Label asked about; -1 for the victim's own prediction."
    )

    count: ClassVar[int] = 1
    """How many images are scored, as QuerySettings has it."""

    @model_validator(mode="after")
    def _names_one_image(self) -> "Pick":
        names = [bool(self.digest), bool(self.file), self.row >= 0]
        if sum(names) != 1 or (self.source == "upload") == names[2]:
            raise ValueError(
                f"source={self.source}: test and triggered need a row, upload a digest or a file, and only one of them"
            )
        return self

    def resolved(self, side: int) -> "Pick":
        """The same image by its digest, kept among the results; `side` is the size of the case's images."""
        if not self.file:
            return self
        kept = keep_upload(located(self.file), side)
        return kept.model_copy(update={"label": self.label})

    @classmethod
    def parse(cls, text: str) -> "Pick":
        """What an address says, for example `test-17` or `upload-<digest>-as-4`; raises ValueError."""
        if not (found := _TEXT.fullmatch(text)):
            raise ValueError(f"pick={text[:60]!r}: expected for example test-17")
        known, row, upload, digest, label = found.groups()
        image = {"source": upload, "digest": digest} if upload else {"source": known, "row": int(row)}
        return cls.model_validate(image | {"label": OWN if label is None else int(label)})

    @property
    def text(self) -> str:
        """The pick in an address."""
        image = f"{self.source}-{self.digest or self.row}"
        return image if self.label == OWN else f"{image}-as-{self.label}"

    @property
    def words(self) -> str:
        """The pick in a title."""
        return f"uploaded image {self.digest[:6]}" if self.digest else f"test image {self.row}"


def picked(x: "Experiment", pick: Pick) -> "Experiment":
    """The experiment about this image alone; detectors that want several test images are left out."""
    rules = [d.model_dump(mode="json") for d in x.detectors if getattr(d, "n_queries", 1) <= pick.count]
    rules = [rule | ({"query": 0} if "query" in rule else {}) for rule in rules]
    rules = rules or [{"name": "delta_influence"}]
    names = [rule["name"] for rule in rules]
    after = [name for name in x.unlearn_after if name in names] or names[:1]
    title = f"{x.title.removesuffix(_suffix(x.queries))[:80]}{_suffix(pick)}"
    return x.changed(title=title, queries=pick.model_dump(mode="json"), detectors=rules, unlearn_after=after)


def _suffix(queries: object) -> str:
    return f" · {queries.words}" if isinstance(queries, Pick) else ""


def uploads() -> Path:
    """The folder of uploaded images, among the results."""
    return paths.store_root() / "uploads"


def keep_upload(data: bytes | Path, size: int) -> Pick:
    """Take an uploaded file in, as large as the images of the case, and name it after its pixels.

    Raises ImageRefused for anything but a sound image.
    """
    pixels = safeload.read_image(data, size)
    digest = _digest(pixels)
    file = uploads() / f"{digest}.png"
    if not file.exists():
        buffer = BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(buffer, "PNG")
        durable.write(file, buffer.getvalue())
    return Pick(source="upload", digest=digest)


def read_upload(digest: str) -> np.ndarray:
    """Pixels uint8 [3 h w]; raises FileNotFoundError or ValueError where they are missing or altered."""
    file = uploads() / f"{digest}.png"
    if not file.exists():
        raise FileNotFoundError(f"{file}: the uploaded image is not here; upload it again")
    pixels = safeload.read_image(file, None)
    if _digest(pixels) != digest:
        raise ValueError(f"{file}: was altered since it was uploaded; delete it and upload the image again")
    return pixels


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:32]
