"""What the reviewer's component shows: the images of a queue with their evidence, and what stands on them."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from app import image_facts, images, results, rules
from app.components.gallery import plain
from app.panels.review import review_book
from app.state import View
from core import collapse
from core.artifacts import Detection
from core.cases import Case
from core.export import Rule
from core.review import final_set, review_queue
from core.review.review_queue import Evidence, Queue
from core.review.verdict_rows import Ledger, Row

REASONS = ["visible trigger", "wrong label", "looks clean", "ambiguous"]
STACK = 40
"""Gestures that the browser can undo before it has asked again."""
KEPT = 8
SALT = secrets.token_bytes(16)
"""Goes into names of queues: otherwise a guess at the settings of a sealed case could be checked against them."""
_lock = Lock()
_packets: OrderedDict[str, dict[str, Any]] = OrderedDict()


@dataclass(frozen=True)
class Review:
    """Everything that the page is about."""

    case: Case
    view: View
    rule: Rule
    found: Detection
    seen: Evidence
    queue: Queue
    ledger: Ledger
    who: str

    @property
    def mine(self) -> dict[int, str]:
        """What stands of this reviewer's."""
        return self.ledger.standing(self.who)

    @property
    def others(self) -> dict[str, dict[int, str]]:
        """What stands of everybody else's, by name."""
        said = {name: self.ledger.standing(name) for name in self.ledger.reviewers if name != self.who}
        return {name: standing for name, standing in said.items() if standing}


def review(case: Case, view: View, ledger: Ledger) -> Review:
    """What the rule of the view flags, as a queue for the reviewer of this tab."""
    rule, who = rules.in_force(case, view), review_book.reviewer()
    found = rules.flags(case, rule)
    labels = case.plan.poisoned.value.train.labels
    seen = review_queue.evidence(found, rule, confidence=results.sureness(case, rule), labels=labels)
    others = [ledger.standing(name) for name in ledger.reviewers if name != who]
    disputed = final_set.disputed(ledger.standing(who), others)
    order = view.queue if view.queue in review_queue.ORDERS else "uncertain"
    queue = review_queue.queue(seen, order, disputed=disputed, label=view.label)
    return Review(case, view, rule, found, seen, queue, ledger, who)


def packet(of: Review) -> dict[str, Any]:
    """The queue for the browser, under a name of its content; made once."""
    shown = f"{of.case.id} {of.case.plan.scores.key} {of.rule.model_dump_json()} {of.view.query}"
    name = hashlib.blake2b(shown.encode() + of.queue.images.tobytes(), key=SALT, digest_size=8).hexdigest()
    with _lock:
        if name not in _packets:
            _packets[name] = {"name": name, "items": _items(of), "compare": _compare(of)}
        _packets.move_to_end(name)
        while len(_packets) > KEPT:
            _packets.popitem(last=False)
        return _packets[name]


def _items(of: Review) -> list[dict[str, Any]]:
    chosen, names = of.queue.images, of.case.plan.poisoned.value.class_names
    changes = results.changes(of.case, of.view.query, rules.left_out(of.case, of.view))
    falls = collapse.votes(changes.delta[:, chosen], image_facts.level(of.rule))
    strips = collapse.compressed(changes.ordered[:, chosen], changes.typical).round(2).T.tolist()
    return [
        {
            "id": i,
            "src": images.address(of.case.id, "train", i),
            "label": int(of.seen.labels[i]),
            "title": plain(names[of.seen.labels[i]]),
            "flagged": bool(of.seen.flagged[i]),
            "lines": _lines(of, i, f"falls on {fall} of {len(changes.delta)} copies"),
            "strip": strip,
        }
        for i, strip, fall in zip(chosen.tolist(), strips, falls.tolist(), strict=True)
    ]


def _lines(of: Review, i: int, falls: str) -> list[str]:
    """The evidence in words."""
    if not image_facts.compared(of.case, of.rule, i):
        return ["not compared: no picked image was read as this label", falls]
    far = image_facts.distance(of.rule, of.found, i)
    decides = f"deciding change {-of.found.suspicion[i]:.4g}" if far is None else image_facts.beyond(far)
    return [decides, f"flagged in {of.seen.confidence[i]:.0%} of resamples", falls]


def _compare(of: Review) -> dict[str, list[str]]:
    """Addresses of images to compare with, by label."""
    labels = np.unique(of.seen.labels[of.queue.images]).tolist()
    return {
        str(y): [images.address(of.case.id, "train", int(i)) for i in review_queue.references(of.seen, y)]
        for y in labels
    }


def told(of: Review) -> dict[str, Any]:
    """What stands on the images of the queue, and what the reviewer can undo."""
    mine, reasons, chosen = of.mine, of.ledger.reasons(of.who), set(of.queue.images.tolist())
    return {
        "verdicts": {str(i): verdict for i, verdict in mine.items() if i in chosen},
        "reasons": {str(i): reason for i, reason in reasons.items() if i in chosen},
        "done": [_steps(_inside(rows, chosen)) for rows in of.ledger.done(of.who)[-STACK:]],
        "undone": [_steps(_inside(rows, chosen), back=True) for rows in of.ledger.undone(of.who)[-STACK:]],
        "others": _others(of, chosen),
        "each": of.ledger.seconds_each(of.who),
        "presets": REASONS,
    }


def _inside(rows: list[Row], chosen: set[int]) -> list[Row]:
    """The rows about images of the queue; one of the others where there are none, so that the gesture has a name."""
    return [row for row in rows if row.image in chosen] or rows[:1]


def _steps(rows: list[Row], back: bool = False) -> list[list[Any]]:
    """Image, verdict before and verdict after, for every row of a gesture."""
    return [[r.image, r.verdict, r.before] if back else [r.image, r.before, r.verdict] for r in rows]


def _others(of: Review, chosen: set[int]) -> dict[str, str]:
    """What others said, in words, about the images of the queue on which this reviewer may know it."""
    mine, all_shown, told = of.mine, review_book.others_shown(), {}
    for name, standing in of.others.items():
        for i in standing.keys() & chosen:
            if all_shown or i in mine:
                told.setdefault(str(i), []).append(f"{name}: {standing[i]}")
    return {i: plain(", ".join(said)) for i, said in told.items()}
