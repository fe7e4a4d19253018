"""Serves single images of a case as PNG: `/picture/RUN/KIND/ROW.png`.

A run's name fixes its content, so browsers may keep an image for ever. Nothing is read from a path that the
address could choose: run, kind and row are looked up.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app import access, results
from app.access import Visitor
from core import attack_view
from core.cases import Case
from core.store import ArtifactDamaged

ROW = re.compile(r"[0-9]{1,9}")
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'",
}


def _change(side: Callable[..., attack_view.Pair], factor: int) -> Callable[[Case], attack_view.Differences]:
    return lambda case: attack_view.Differences(
        side(case.plan.dataset.value, case.plan.poisoning.value), factor
    )


KINDS: dict[str, Callable[[Case], Any]] = {
    "train": lambda case: case.plan.poisoned.value.train.images,
    "clean": lambda case: case.plan.dataset.value.train.images,
    "test": lambda case: case.plan.dataset.value.test.images,
    "query": lambda case: case.plan.queries.value.images,
    "copy": lambda case: case.plan.changed.value.images,
    "poison": lambda case: case.plan.poisoning.value.images,
    "trigger": lambda case: case.plan.poisoning.value.triggered.images,
}
OPEN = frozenset(KINDS) - {"clean", "poison", "trigger"}
"""Kinds that tell nothing of the truth: all that a sealed case has."""
KINDS |= {f"poison-change-{f}": _change(attack_view.poisons, f) for f in attack_view.FACTORS}
KINDS |= {f"trigger-change-{f}": _change(attack_view.targets, f) for f in attack_view.FACTORS}
"""Every kind of image by its name in the address; each gives something with a length and images by row."""


def address(run: str, kind: str, row: int) -> str:
    """Where the browser finds an image of a case."""
    return f"/picture/{run}/{kind}/{row}.png"


async def picture(request: Request) -> Response:
    """The image, or a plain 404."""
    run, kind, row = (request.path_params[name] for name in ("run", "kind", "row"))
    who = access.asking(request.scope)
    asks = who is not None and ROW.fullmatch(row) is not None
    content = await run_in_threadpool(_encoded, who, run, kind, int(row)) if asks else None
    if content is None:
        return PlainTextResponse("no such image", status_code=404)
    return Response(content, media_type="image/png", headers=HEADERS)


def _encoded(who: Visitor, run: str, kind: str, row: int) -> bytes | None:
    if kind not in KINDS or (case := results.case(run, who)) is None or (case.sealed and kind not in OPEN):
        return None
    try:
        images = KINDS[kind](case)
    except (FileNotFoundError, ArtifactDamaged):  # not computed yet, or not to be trusted
        return None
    return png(images[row]) if 0 <= row < len(images) else None


def enlarged(image: np.ndarray, least: int = 336) -> np.ndarray:
    """Whole-number magnification to at least so many pixels, so that pixels stay sharp."""
    factor = max(1, -(-least // image.shape[-1]))
    return image.repeat(factor, axis=1).repeat(factor, axis=2)


def inline(image: np.ndarray) -> str:
    """A [c h w] image as an address that holds all of it.

    Streamlit serves what is given to it as bytes only while some page that was drawn to its end shows it: on a page that
    is drawn again before its pictures are fetched they would stay empty.
    """
    return f"data:image/png;base64,{b64encode(png(image)).decode()}"


def png(image: np.ndarray) -> bytes:
    """A [c h w] image, uint8 or float in [0, 1], as PNG."""
    pixels = image if image.dtype == np.uint8 else (np.clip(image, 0, 1) * 255).round().astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0))).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
