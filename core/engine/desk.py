"""Does what is asked, with the cases that it keeps open: network, eigenbases, training images, stored gradients.

The results are those of the pipeline, under its keys; only the way to the scores differs, so that they come label
by label. The one file of the engine that imports torch.
"""

import hashlib
import json
import logging
import shutil
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from core import device, progress
from core.artifacts import InfluenceScores, Queries
from core.engine import questions
from core.engine.questions import Question
from core.experiment import ScoreSettings
from core.influence.layers import NotHandled
from core.influence.scores import ScoresNotFinite, distinct, queries_at_a_time
from core.influence.session import Session
from core.pipeline import Plan
from core.runs import open_store
from core.store import Artifact, Stage, Store

KEPT = 2
"""Cases that stay open."""
GRADIENT_BYTES = 16 * 2**30
"""Disk that the stored gradients of a case may take; those of all other cases together may take as much."""
PART_SECONDS = 0.3
Tell = Callable[[dict[str, Any], Sequence[np.ndarray]], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class AnotherWay(Stage[Any]):
    """A stage whose result is made by `work` instead, from the same arguments and under the same key."""

    work: Callable[..., Any] = field(kw_only=True)

    def __call__(self, *arguments: Any) -> Any:
        """Do the work."""
        return self.work(*arguments)


def another_way(artifact: Artifact[Any], work: Callable[..., Any]) -> Artifact[Any]:
    """The artifact, made by `work` where it has to be made."""
    stage = artifact.stage
    made = AnotherWay(stage.source, stage.returns, stage.version, stage.keep, work=work)
    return replace(artifact, stage=made)


@dataclass
class Opened:
    """A case in memory: a store that remembers what it has loaded, and its session once there was a question."""

    store: Store
    session: Session | None = None


class Desk:
    """One for each engine; one question at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._opened: OrderedDict[str, Opened] = OrderedDict()

    def answer(self, question: Question, tell: Tell) -> None:
        """Make the results exist that the question asks for; progress goes to the installed sink."""
        with device.use("auto"):
            opened = self._open(question)
            p, wanted = questions.planned(question, opened.store)
            if question.kind == "misread":
                _ = wanted.value
                if p.factors.done:
                    with suppress(NotHandled):
                        opened.session = opened.session or self._session(p)
                return
            if question.kind == "layers":
                _ = wanted.value
                return
            _ = p.queries.value
            tell({"event": "ready"}, ())
            self._score(opened, p, tell)
            for found in p.detections.values():  # those that need nothing more are a matter of milliseconds
                if not found.done and all(a.done for a in found.inputs):
                    _judge(found)

    def _open(self, question: Question) -> Opened:
        """The case of a question, the longest unused one closed for it."""
        p, _ = questions.planned(question, open_store(self.root))
        key = p.factors.key
        opened = self._opened.setdefault(key, Opened(open_store(self.root)))
        self._opened.move_to_end(key)
        while len(self._opened) > KEPT:
            self._opened.popitem(last=False)
        return opened

    def _score(self, opened: Opened, p: Plan, tell: Tell) -> None:
        """Label by label where our engine handles the network and everything fits into memory, else as the stage does."""
        if p.scores.done:
            return

        def work(settings: ScoreSettings, *evidence: Any) -> InfluenceScores:
            labelled = [x for x in evidence if isinstance(x, Queries)]
            try:
                opened.session = opened.session or self._session(p)
                scores = _label_by_label(opened.session, settings, labelled, tell)
            except NotHandled as error:
                log.info("%s: scores come all at once", error)
                scores = None
            return scores or p.scores.stage(settings, *evidence)

        _ = another_way(p.scores, work).value

    def _session(self, p: Plan) -> Session:
        """Raises NotHandled for a network that only kronfluence handles."""
        x, factors = p.experiment, p.factors.value
        folder = self.root / "gradients" / _fit(p.factors)
        make_room(folder)
        return Session(x.model, p.victim.value, p.poisoned.value, factors, folder, GRADIENT_BYTES)


def _fit(factors: Artifact[Any]) -> str:
    """Names what was fitted, beyond its key: fitted again elsewhere, the eigenvectors have other signs and other order."""
    files = json.dumps(factors.meta["files"], sort_keys=True)
    return f"{factors.key}-{hashlib.sha256(files.encode()).hexdigest()[:8]}"


def _judge(found: Artifact[Any]) -> None:
    try:
        _ = found.value
    except ValueError as error:  # a rule that cannot judge this image, for example for want of controls
        log.info("%s: %s", found.arguments[0].name, error)


def _label_by_label(
    opened: Session, settings: ScoreSettings, labelled: list[Queries], tell: Tell
) -> InfluenceScores | None:
    """Scores of all queries, the label of the first one before the others; None where memory is too small for it."""
    images, labels, parent = (
        np.concatenate([getattr(q, x) for q in labelled]) for x in ("images", "labels", "parent")
    )
    rows, back = distinct(images, labels)
    if len(queries_at_a_time(len(rows), sum(size for _, size in opened.layers))) > 1:
        return None
    n = len(opened.dataset.train)
    first = int((opened.dataset.train.labels == labels[0]).sum())
    values, parts = np.empty((len(labels), n), np.float32), Parts(tell, n, first)
    for columns, found in opened.score(images[rows], labels[rows], settings, int(labels[0])):
        values[:, columns] = found[back]
        parts.add(columns, values)
    parts.flush(values)
    if not np.isfinite(values).all():
        raise ScoresNotFinite(
            'scores are not finite: raise scores.damping (for example to "heuristic") or use precision fp32'
        )
    return InfluenceScores(values, labels, parent, sum((q.transforms for q in labelled), ()))


class Parts:
    """Hands on what has been scored, a few times a second, and as soon as the first label is complete."""

    def __init__(self, tell: Tell, n: int, first: int) -> None:
        self.tell, self.n, self.first, self.done = tell, n, first, 0
        self._waiting: list[np.ndarray] = []
        self._told = time.monotonic()

    def add(self, columns: np.ndarray, values: np.ndarray) -> None:
        """These columns of `values` are final."""
        self._waiting.append(columns)
        complete = self.done + sum(map(len, self._waiting)) == self.first
        if complete or time.monotonic() - self._told >= PART_SECONDS:
            self.flush(values)

    def flush(self, values: np.ndarray) -> None:
        """Send what has not been sent."""
        if not self._waiting:
            return
        columns = np.concatenate(self._waiting)
        self.done += len(columns)
        self.tell({"event": "part", "done": self.done, "total": self.n}, (columns, values[:, columns]))
        self._waiting, self._told = [], time.monotonic()
        progress.update("scored", self.done, self.n)


def make_room(folder: Path) -> None:
    """Delete gradients of the longest unused other cases until they take no more than one case may."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    others = sorted((f for f in folder.parent.iterdir() if f != folder), key=lambda f: f.stat().st_mtime)
    total = sum(map(_size, others))
    for other in others:
        if total > GRADIENT_BYTES:
            total -= _size(other)
            shutil.rmtree(other, ignore_errors=True)


def _size(folder: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in folder.glob("*"))
