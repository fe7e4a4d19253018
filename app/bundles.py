"""Bundles that were made, below the store, and the route that hands them out without holding them in memory.

A bundle's name follows from what is inside, which nobody can guess who does not have it.
"""

import re
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from app import access, results
from app.access import Visitor
from core.bundles.bundle import Contents
from core.cases import Case

NAME = re.compile(r"[0-9a-f]{12}-[0-9a-f]{32}\.zip")


def folder() -> Path:
    """Where bundles lie, among the results."""
    return results.store().root / "bundles"


def file_of(inside: Contents) -> Path:
    """Where the bundle of these contents is, or will be."""
    return folder() / f"{inside.case}-{inside.digest}.zip"


def clear(case_id: str) -> None:
    """Remove older bundles of a case: they can be made again."""
    for old in folder().glob(f"{case_id}-*.zip"):
        old.unlink(missing_ok=True)


def address(file: Path) -> str:
    """Where the browser finds a bundle."""
    return f"/bundle/{file.name}"


def own_case(case: Case) -> Case:
    """The case itself, where a picked image or another measure of it is looked at."""
    return results.case(case.id.partition(results.PICKED)[0].partition("/")[0]) or case


async def download(request: Request) -> Response:
    """The bundle, or a plain 404."""
    name = request.path_params["name"]
    who = access.asking(request.scope)
    if who is None or not await run_in_threadpool(_is_there_for, who, name):
        return PlainTextResponse("no such bundle", status_code=404)
    file = folder() / name
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"}
    return FileResponse(file, media_type="application/zip", filename=f"case-{name[:12]}.zip", headers=headers)


def _is_there_for(who: Visitor, name: str) -> bool:
    """Whether there is such a bundle, of a case that is there for them."""
    if not NAME.fullmatch(name) or not (folder() / name).is_file():
        return False
    return not who.signed_in or results.case(name.partition("-")[0], who) is not None
